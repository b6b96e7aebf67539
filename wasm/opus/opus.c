/* libopus behind a small ABI, for WebAssembly: one decoder per instance of the module. scripts/codecs_wasm builds it. */

#include <opus_multistream.h>

enum { RATE = 48000, FRAMES_MAX = 5760, CHANNELS_MAX = 8, PACKET_BYTES_MAX = 1 << 16 };

static unsigned char input[PACKET_BYTES_MAX];
static float samples[FRAMES_MAX * CHANNELS_MAX];
static unsigned char mapping[CHANNELS_MAX];
static OpusMSDecoder *decoder;
static int channels_count;

/* Room for a packet, 65,536 bytes. */
__attribute__((export_name("input"))) unsigned char *input_place(void) { return input; }

/* Which coded channel each channel is, 8 of them; written before `open`. */
__attribute__((export_name("mapping"))) unsigned char *mapping_place(void) { return mapping; }

/* Where `decode` leaves its samples, interleaved, at 48 kHz. */
__attribute__((export_name("output"))) float *output_place(void) { return samples; }

/* Returns 0, or -1 where such a stream cannot be. `gain`: what the samples are multiplied with, in 1/256 dB. */
__attribute__((export_name("open"))) int open_decoder(int channels, int streams, int coupled, int gain) {
    int error = OPUS_OK;
    if (channels < 1 || channels > CHANNELS_MAX) return -1;
    decoder = opus_multistream_decoder_create(RATE, channels, streams, coupled, mapping, &error);
    if (decoder == 0 || error != OPUS_OK) return -1;
    if (opus_multistream_decoder_ctl(decoder, OPUS_SET_GAIN(gain)) != OPUS_OK) return -1;
    channels_count = channels;
    return 0;
}

/* Decodes a packet of `bytes` in `input`. Returns its samples per channel, or a negative number if it is damaged. */
__attribute__((export_name("decode"))) int decode_packet(int bytes) {
    if (decoder == 0 || bytes < 1 || bytes > PACKET_BYTES_MAX) return -1;
    return opus_multistream_decode_float(decoder, input, bytes, samples, FRAMES_MAX, 0);
}
