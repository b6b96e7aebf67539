//! Packets of MPEG audio, FLAC, Vorbis and AAC-LC to interleaved f32 samples, through Symphonia.
//!
//! One decoder per instance of the module. The caller writes into the buffer that `reserve` returns, then calls
//! `open` (the codec's own header) or `decode` (a packet). A panic is a trap: the instance is then of no use.

use symphonia_codec_aac::AacDecoder;
use symphonia_core::audio::{AudioBuffer, AudioBufferRef, Channels, Signal};
use symphonia_core::codecs::{
    CodecParameters, CodecType, Decoder, DecoderOptions, CODEC_TYPE_AAC, CODEC_TYPE_FLAC, CODEC_TYPE_MP1,
    CODEC_TYPE_MP2, CODEC_TYPE_MP3, CODEC_TYPE_VORBIS,
};
use symphonia_core::conv::IntoSample;
use symphonia_core::formats::Packet;
use symphonia_core::sample::Sample;

const FAILED: i32 = -1;

enum Opened {
    Aac(Box<AacDecoder>),
    Other(Box<dyn Decoder>),
}

impl Opened {
    fn decoder(&mut self) -> &mut dyn Decoder {
        match self {
            Opened::Aac(decoder) => decoder.as_mut(),
            Opened::Other(decoder) => decoder.as_mut(),
        }
    }
}

#[derive(Default)]
struct State {
    decoder: Option<Opened>,
    input: Vec<u8>,
    output: Vec<f32>,
    rate: u32,
    channels: u32,
}

static mut STATE: Option<State> = None;

/// WebAssembly has one thread, and no function below calls another that takes the state.
fn state() -> &'static mut State {
    unsafe { STATE.get_or_insert_with(State::default) }
}

/// Room for `bytes` of input, until the next call of `reserve`.
#[no_mangle]
pub extern "C" fn reserve(bytes: usize) -> *mut u8 {
    let input = &mut state().input;
    input.clear();
    input.resize(bytes, 0);
    input.as_mut_ptr()
}

/// Opens a decoder; `codec`: 1 to 3 MPEG audio of that layer, 4 FLAC, 5 Vorbis, 6 AAC. The input holds its header:
/// STREAMINFO; the identification and the setup packet, one after the other; an AudioSpecificConfig.
/// Returns 0, or -1 where it cannot be decoded.
#[no_mangle]
pub extern "C" fn open(codec: u32, rate: u32, channels: u32) -> i32 {
    let state = state();
    let mut params = CodecParameters::new();
    params.for_codec(match codec {
        1 => CODEC_TYPE_MP1,
        2 => CODEC_TYPE_MP2,
        3 => CODEC_TYPE_MP3,
        4 => CODEC_TYPE_FLAC,
        5 => CODEC_TYPE_VORBIS,
        6 => CODEC_TYPE_AAC,
        _ => return FAILED,
    });
    params.with_sample_rate(rate);
    params.with_channels(if channels == 1 {
        Channels::FRONT_LEFT
    } else {
        Channels::FRONT_LEFT | Channels::FRONT_RIGHT
    });
    if !state.input.is_empty() {
        params.with_extra_data(state.input.clone().into_boxed_slice());
    }
    state.decoder = new_decoder(params.codec, &params);
    if state.decoder.is_some() { 0 } else { FAILED }
}

fn new_decoder(codec: CodecType, params: &CodecParameters) -> Option<Opened> {
    fn opened<D: Decoder>(params: &CodecParameters) -> Option<D> {
        D::try_new(params, &DecoderOptions::default()).ok()
    }
    Some(match codec {
        CODEC_TYPE_AAC => Opened::Aac(Box::new(opened(params)?)),
        CODEC_TYPE_FLAC => Opened::Other(Box::new(opened::<symphonia_bundle_flac::FlacDecoder>(params)?)),
        CODEC_TYPE_VORBIS => Opened::Other(Box::new(opened::<symphonia_codec_vorbis::VorbisDecoder>(params)?)),
        _ => Opened::Other(Box::new(opened::<symphonia_bundle_mp3::MpaDecoder>(params)?)),
    })
}

/// Decodes the input as one packet. Returns how many samples of each channel `output` holds, or -1 if it is damaged.
#[no_mangle]
pub extern "C" fn decode() -> i32 {
    let state = state();
    state.output.clear();
    let decoder = match &mut state.decoder {
        Some(opened) => opened.decoder(),
        None => return FAILED,
    };
    let packet = Packet::new_from_slice(0, 0, 0, &state.input);
    let decoded = match decoder.decode(&packet) {
        Ok(decoded) => decoded,
        Err(_) => return FAILED,
    };
    state.rate = decoded.spec().rate;
    state.channels = decoded.spec().channels.count() as u32;
    match decoded {
        AudioBufferRef::F32(buffer) => interleave(&buffer, &mut state.output),
        AudioBufferRef::S32(buffer) => interleave(&buffer, &mut state.output),
        _ => return FAILED,
    }
    decoded_frames(state)
}

fn decoded_frames(state: &State) -> i32 {
    if state.channels == 0 { 0 } else { (state.output.len() / state.channels as usize) as i32 }
}

fn interleave<S: Sample + IntoSample<f32>>(buffer: &AudioBuffer<S>, output: &mut Vec<f32>) {
    let channels = buffer.spec().channels.count();
    output.resize(channels * buffer.frames(), 0.0);
    for channel in 0..channels {
        for (at, sample) in buffer.chan(channel).iter().enumerate() {
            output[at * channels + channel] = (*sample).into_sample();
        }
    }
}

/// Where the samples of the last packet are, interleaved.
#[no_mangle]
pub extern "C" fn output() -> *const f32 {
    state().output.as_ptr()
}

/// Sample rate of the last packet, in Hz.
#[no_mangle]
pub extern "C" fn rate() -> u32 {
    state().rate
}

/// Channels of the last packet.
#[no_mangle]
pub extern "C" fn channels() -> u32 {
    state().channels
}

/// 1 if the last packet had spectral band replication, which is not decoded: HE-AAC.
#[no_mangle]
pub extern "C" fn sbr() -> u32 {
    match &state().decoder {
        Some(Opened::Aac(decoder)) => decoder.has_sbr as u32,
        _ => 0,
    }
}
