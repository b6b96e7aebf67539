//! The part of the C ABI that needs no model: voice activity and speakers. As abi.zig, which exports its functions.

const std = @import("std");
const errors = @import("errors.zig");
const exported = @import("exported.zig");
const speakers_ = @import("engine/speakers.zig");
const vad_ = @import("network/vad.zig");
const voice = @import("engine/voice.zig");
const Error = errors.Error;
const Speakers = speakers_.Speakers;
const Vad = vad_.Vad;

const gpa = std.heap.c_allocator;

const leave = exported.leave;
const missing = exported.missing;
const slice = exported.slice;

// ------------------------------------------------------------------------------- voice activity

pub fn qasr_vad_open(weights: ?[*]const u8, weights_bytes: u32, out: ?**Vad) Error!void {
    const to = out orelse return missing("the result");
    to.* = try Vad.open(gpa, if (weights) |bytes| bytes[0..weights_bytes] else null);
}

pub fn qasr_vad_close(vad: ?*Vad) void {
    if (vad) |v| v.close();
}

pub fn qasr_vad_run(
    vad: ?*Vad,
    samples: ?[*]const f32,
    samples_count: u32,
    is_last: u32,
    probabilities: ?[*]f32,
    capacity: u32,
    count: ?*u32,
) Error!void {
    const v = try exported.take(vad, "voice detector");
    defer leave(v);
    const needed = v.count(samples_count, is_last != 0);
    const to = try exported.room(f32, needed, probabilities, capacity, count);
    v.run(try slice(f32, samples, samples_count), is_last != 0, to);
}

pub fn qasr_vad_has_voice(vad: ?*Vad, samples: ?[*]const f32, samples_count: u32, has_voice: ?*u32) Error!void {
    const v = try exported.take(vad, "voice detector");
    defer leave(v);
    const to = has_voice orelse return missing("the result");
    to.* = @intFromBool(try voice.hears(gpa, v, try slice(f32, samples, samples_count)));
}

// ------------------------------------------------------------------------------------- speakers

pub fn qasr_speakers_open(weights: ?[*]const u8, weights_bytes: u32, threads: u32, out: ?**Speakers) Error!void {
    const to = out orelse return missing("the result");
    to.* = try Speakers.open(gpa, try slice(u8, weights, weights_bytes), threads);
}

pub fn qasr_speakers_close(speakers: ?*Speakers) void {
    if (speakers) |s| s.close();
}

pub fn qasr_speakers_segment(
    speakers: ?*Speakers,
    samples: ?[*]const f32,
    samples_count: u32,
    logprobs: ?[*]f32,
    capacity: u32,
    count: ?*u32,
) Error!void {
    const s = try exported.take(speakers, "set of speaker networks");
    defer leave(s);
    const needed = try Speakers.windowsOf(samples_count) * speakers_.window_floats;
    const to = try exported.room(f32, needed, logprobs, capacity, count);
    try s.segment(try slice(f32, samples, samples_count), to);
}

pub fn qasr_speakers_embed(
    speakers: ?*Speakers,
    samples: ?[*]const f32,
    samples_count: u32,
    ranges: ?[*]const u32,
    ranges_count: u32,
    counts: ?[*]const u32,
    voices: u32,
    embeddings: ?[*]f32,
    capacity: u32,
    count: ?*u32,
) Error!void {
    const s = try exported.take(speakers, "set of speaker networks");
    defer leave(s);
    const bounds = try slice(u32, ranges, 2 * @as(usize, ranges_count));
    const pairs: []const speakers_.Range = @ptrCast(bounds);
    const needed = @as(usize, voices) * speakers_.voice_floats;
    const to = try exported.room(f32, needed, embeddings, capacity, count);
    try s.embed(try slice(f32, samples, samples_count), pairs, try slice(u32, counts, voices), to);
}
