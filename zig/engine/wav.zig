//! A WAV file as mono samples at its own rate: PCM of 8 to 32 bits, float of 16, 32 and 64, A-law, mu-law,
//! any number of channels (their mean), RIFF and RF64.
//!
//! In: the file's bytes, which may hold anything. Out: f32 samples in [-1, 1], or one sentence.
//! Headers that lie are taken for what can be true: data is read as far as the file goes, and a size
//! that was never filled in means all that follows. Pure; what is returned is the caller's to free.

const std = @import("std");
const errors = @import("../errors.zig");
const assert = std.debug.assert;

const Error = errors.Error;

/// At lower rates a few bytes would become minutes of audio; no recorder uses higher ones.
const rate_min = 1000;
const rate_max = 768_000;
/// A larger float, or NaN, is damage and not sound: taken for silence.
const float_abs_max = 1e18;

/// What to do with a format that the program decodes and this library does not.
const remedy = ": convert it (ffmpeg -i FILE OUT.wav), or decode it and pass its samples";

pub const Sound = struct { rate: u32, samples: []f32 };

/// `name` begins the sentences.
pub fn decode(allocator: std.mem.Allocator, name: []const u8, bytes: []const u8) Error!Sound {
    if (bytes.len < 12 or !isForm(bytes[0..4]) or !std.mem.eql(u8, bytes[8..12], "WAVE")) {
        return errors.fail(error.Invalid, "{s}: not a RIFF/WAVE file" ++ remedy, .{name});
    }
    var format: ?Format = null;
    var long_bytes: ?u64 = null; // Of RF64: what a data size of all ones stands for.
    var at: u64 = 12;
    while (at + 8 <= bytes.len) {
        const chunk = bytes[@intCast(at)..];
        const size: u64 = std.mem.readInt(u32, chunk[4..8], .little);
        const body = chunk[8..][0..@intCast(@min(size, chunk.len - 8))];
        if (std.mem.eql(u8, chunk[0..4], "fmt ") and format == null) {
            format = try .parse(name, body);
        } else if (std.mem.eql(u8, chunk[0..4], "ds64") and body.len >= 16) {
            long_bytes = std.mem.readInt(u64, body[8..16], .little);
        } else if (std.mem.eql(u8, chunk[0..4], "data")) {
            const known = format orelse
                return errors.fail(error.Invalid, "{s}: WAV has no fmt chunk before its data", .{name});
            const samples = try known.decode(allocator, dataOf(chunk[8..], size, long_bytes));
            return .{ .rate = known.rate, .samples = samples };
        }
        at += 8 + size + size % 2;
    }
    const lack = if (format == null) "fmt" else "data";
    return errors.fail(error.Invalid, "{s}: WAV has no {s} chunk", .{ name, lack });
}

fn isForm(id: *const [4]u8) bool {
    for ([_]*const [4]u8{ "RIFF", "RF64", "BW64" }) |form| {
        if (std.mem.eql(u8, id, form)) return true;
    }
    return false;
}

/// The data that is there, of a chunk whose header says `size`.
fn dataOf(rest: []const u8, size: u64, long_bytes: ?u64) []const u8 {
    var claimed = size;
    if (size == std.math.maxInt(u32)) claimed = long_bytes orelse 0;
    // Zero is what a recorder leaves that could not go back to its header, unless another chunk follows.
    if (claimed == 0 and !(size == 0 and isChunkName(rest))) return rest;
    return rest[0..@intCast(@min(claimed, rest.len))];
}

fn isChunkName(rest: []const u8) bool {
    if (rest.len < 4) return false;
    for (rest[0..4]) |byte| if (!std.ascii.isAlphanumeric(byte) and byte != ' ' and byte != '_') return false;
    return true;
}

const Kind = enum { u8, s16, s24, s32, f16, f32, f64, alaw, mulaw };

const Format = struct {
    kind: Kind,
    rate: u32,
    channels: u32,

    fn parse(name: []const u8, body: []const u8) Error!Format {
        if (body.len < 16) return errors.fail(error.Invalid, "{s}: WAV fmt chunk is {d} bytes", .{ name, body.len });
        var tag = std.mem.readInt(u16, body[0..2], .little);
        const channels = std.mem.readInt(u16, body[2..4], .little);
        const rate = std.mem.readInt(u32, body[4..8], .little);
        const block_bytes = std.mem.readInt(u16, body[12..14], .little);
        const bits = std.mem.readInt(u16, body[14..16], .little);
        const extensible = 0xfffe; // The format proper stands at the start of a GUID.
        if (tag == extensible and body.len >= 26) tag = std.mem.readInt(u16, body[24..26], .little);
        if (channels == 0) return errors.fail(error.Invalid, "{s}: WAV has 0 channels", .{name});
        if (rate < rate_min or rate > rate_max) return errors.fail(
            error.Invalid,
            "{s}: WAV sample rate is {d} Hz, outside {d} to {d} Hz",
            .{ name, rate, rate_min, rate_max },
        );
        const is_wide = block_bytes == 4 * @as(u32, channels); // 20 or 24 bits may sit in 4 bytes.
        const kind = kindOf(tag, bits, is_wide) orelse return errors.fail(
            error.Invalid,
            "{s}: WAV holds format 0x{x:0>4} at {d} bits, not PCM, float, A-law or mu-law" ++ remedy,
            .{ name, tag, bits },
        );
        return .{ .kind = kind, .rate = rate, .channels = channels };
    }

    fn kindOf(tag: u16, bits: u16, is_wide: bool) ?Kind {
        return switch (tag) {
            1 => switch (bits) { // Left-justified in whole bytes: 12 bits read as 16.
                1...8 => .u8,
                9...16 => .s16,
                17...24 => if (is_wide) .s32 else .s24,
                25...32 => .s32,
                else => null,
            },
            3 => switch (bits) {
                16 => .f16,
                32 => .f32,
                64 => .f64,
                else => null,
            },
            6 => .alaw, // One byte a sample, whatever the bits say.
            7 => .mulaw,
            else => null,
        };
    }

    fn sampleBytes(self: Format) usize {
        return switch (self.kind) {
            .u8, .alaw, .mulaw => 1,
            .s16, .f16 => 2,
            .s24 => 3,
            .s32, .f32 => 4,
            .f64 => 8,
        };
    }

    /// An incomplete frame at the end is left out.
    fn decode(self: Format, allocator: std.mem.Allocator, data: []const u8) Error![]f32 {
        const frame_bytes = self.sampleBytes() * self.channels;
        const samples = allocator.alloc(f32, data.len / frame_bytes) catch return errors.outOfMemory("the audio");
        for (samples, 0..) |*sample, i| {
            const frame = data[i * frame_bytes ..][0..frame_bytes];
            var sum: f64 = 0;
            for (0..self.channels) |channel| sum += self.value(frame[channel * self.sampleBytes() ..]);
            sample.* = @floatCast(sum / @as(f64, @floatFromInt(self.channels)));
        }
        assert(samples.len * frame_bytes <= data.len);
        return samples;
    }

    fn value(self: Format, bytes: []const u8) f64 {
        const number: f64 = switch (self.kind) {
            .u8 => (@as(f64, @floatFromInt(bytes[0])) - 128) / 128,
            .s16 => scaled(i16, bytes),
            .s24 => scaled(i24, bytes),
            .s32 => scaled(i32, bytes),
            .f16 => @as(f16, @bitCast(std.mem.readInt(u16, bytes[0..2], .little))),
            .alaw => fromAlaw(bytes[0]),
            .mulaw => fromMulaw(bytes[0]),
            .f32 => @as(f32, @bitCast(std.mem.readInt(u32, bytes[0..4], .little))),
            .f64 => @bitCast(std.mem.readInt(u64, bytes[0..8], .little)),
        };
        return if (@abs(number) <= float_abs_max) number else 0; // Of NaN the comparison is false.
    }

    fn scaled(comptime T: type, bytes: []const u8) f64 {
        const whole: f64 = @floatFromInt(std.mem.readInt(T, bytes[0 .. @bitSizeOf(T) / 8], .little));
        return whole / (1 << (@bitSizeOf(T) - 1));
    }
};

/// ITU-T G.711: a sign, a 3-bit exponent and a 4-bit mantissa, on a 16-bit scale. Bits are sent inverted.
fn fromMulaw(byte: u8) f64 {
    const code = ~byte;
    const magnitude = ((@as(i32, code & 0x0f) * 2 + 33) << @intCast((code >> 4) & 7)) - 33;
    return @as(f64, @floatFromInt(if (code & 0x80 != 0) -magnitude else magnitude)) * 4 / 32768;
}

/// The same with every other bit inverted, and without an exponent near 0.
fn fromAlaw(byte: u8) f64 {
    const code = byte ^ 0x55;
    const exponent: u5 = @intCast((code >> 4) & 7);
    const mantissa = @as(i32, code & 0x0f) * 2 + 1;
    const magnitude = if (exponent == 0) mantissa else (mantissa + 32) << (exponent - 1);
    return @as(f64, @floatFromInt(if (code & 0x80 != 0) magnitude else -magnitude)) * 8 / 32768;
}

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

/// A file with this format and data; `claimed` is the size the data chunk's header states.
fn fileOf(
    buffer: []u8,
    shape: struct { tag: u16 = 1, channels: u16 = 1, rate: u32 = 16_000, bits: u16 = 16, sample: u16 = 2 },
    data: []const u8,
    claimed: u32,
) []u8 {
    var writer: std.Io.Writer = .fixed(buffer);
    writer.writeAll("RIFF\xff\xff\xff\xffWAVEfmt ") catch unreachable;
    writer.writeInt(u32, 16, .little) catch unreachable;
    const block = shape.channels * shape.sample;
    writer.writeInt(u16, shape.tag, .little) catch unreachable;
    writer.writeInt(u16, shape.channels, .little) catch unreachable;
    writer.writeInt(u32, shape.rate, .little) catch unreachable;
    writer.writeInt(u32, shape.rate * block, .little) catch unreachable;
    writer.writeInt(u16, block, .little) catch unreachable;
    writer.writeInt(u16, shape.bits, .little) catch unreachable;
    writer.writeAll("LIST\x03\x00\x00\x00abc\x00data") catch unreachable; // Odd: padded to 4.
    writer.writeInt(u32, claimed, .little) catch unreachable;
    writer.writeAll(data) catch unreachable;
    return writer.buffered();
}

fn expectSamples(file: []const u8, expected: []const f32) !void {
    const sound = try decode(testing.allocator, "a.wav", file);
    defer testing.allocator.free(sound.samples);
    try testing.expectEqual(@as(u32, 16_000), sound.rate);
    try testing.expectEqualSlices(f32, expected, sound.samples);
}

test "every sample format, and the mean of channels" {
    var buffer: [256]u8 = undefined;
    try expectSamples(fileOf(&buffer, .{ .bits = 8, .sample = 1 }, &.{ 0, 128, 192 }, 3), &.{ -1, 0, 0.5 });
    try expectSamples(fileOf(&buffer, .{}, &.{ 0, 0x80, 0, 0x40 }, 4), &.{ -1, 0.5 });
    try expectSamples(fileOf(&buffer, .{ .bits = 24, .sample = 3 }, &.{ 0, 0, 0x80, 0, 0, 0x20 }, 6), &.{ -1, 0.25 });
    try expectSamples(fileOf(&buffer, .{ .bits = 24, .sample = 4 }, &.{ 0, 0, 0, 0x20 }, 4), &.{0.25});
    try expectSamples(fileOf(&buffer, .{ .bits = 32, .sample = 4 }, &.{ 0, 0, 0, 0xc0 }, 4), &.{-0.5});
    const single = std.mem.toBytes([_]f32{ 0.75, std.math.nan(f32), 1e30 });
    try expectSamples(fileOf(&buffer, .{ .tag = 3, .bits = 32, .sample = 4 }, &single, 12), &.{ 0.75, 0, 0 });
    const double = std.mem.toBytes([_]f64{ -0.125, std.math.inf(f64) });
    try expectSamples(fileOf(&buffer, .{ .tag = 3, .bits = 64, .sample = 8 }, &double, 16), &.{ -0.125, 0 });
    const half = std.mem.toBytes([_]f16{ 0.75, -0.5, std.math.inf(f16) });
    try expectSamples(fileOf(&buffer, .{ .tag = 3 }, &half, 6), &.{ 0.75, -0.5, 0 });
    const mulaw = [_]u8{ 0xff, 0x7f, 0x80, 0x00, 0xef };
    try expectSamples(fileOf(&buffer, .{ .tag = 7, .bits = 8, .sample = 1 }, &mulaw, 5), &.{
        0, 0, 32124.0 / 32768.0, -32124.0 / 32768.0, 132.0 / 32768.0,
    });
    const alaw = [_]u8{ 0xd5, 0x55, 0xaa, 0x2a, 0xc5 };
    try expectSamples(fileOf(&buffer, .{ .tag = 6, .bits = 16, .sample = 1 }, &alaw, 5), &.{
        8.0 / 32768.0, -8.0 / 32768.0, 32256.0 / 32768.0, -32256.0 / 32768.0, 264.0 / 32768.0,
    });
    const stereo = [_]u8{ 0, 0x40, 0, 0x20, 0, 0xc0, 0, 0x40 };
    try expectSamples(fileOf(&buffer, .{ .channels = 2 }, &stereo, 8), &.{ 0.375, 0 });
}

test "headers that lie: what is there is read" {
    var buffer: [256]u8 = undefined;
    const data = [_]u8{ 0, 0x40, 0, 0x20, 0xff };
    const both = [_]f32{ 0.5, 0.25 };
    for ([_]u32{ 5, 100, 0, std.math.maxInt(u32), 0x7fff_ffff }) |claimed| {
        try expectSamples(fileOf(&buffer, .{}, &data, claimed), &both);
    }
    try expectSamples(fileOf(&buffer, .{}, &data, 2), &.{0.5});
    try expectSamples(fileOf(&buffer, .{}, "LIST\x00\x00\x00\x00", 0), &.{});
    try expectSamples(fileOf(&buffer, .{}, "", 0), &.{});
}

test "what is no WAV, or none of ours, is one sentence; no cut of a file and no changed byte does harm" {
    var buffer: [256]u8 = undefined;
    const data = [_]u8{ 0, 0x40 } ** 20;
    const refused = [_]struct { []const u8, []const u8 }{
        .{ "", "a.wav: not a RIFF/WAVE file" ++ remedy },
        .{ "ID3\x04 and so on, and so on", "a.wav: not a RIFF/WAVE file" ++ remedy },
        .{ "RIFF\x00\x00\x00\x00WAVE", "a.wav: WAV has no fmt chunk" },
        .{ "RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", "a.wav: WAV has no fmt chunk before its data" },
        .{ "RIFF\x00\x00\x00\x00WAVEfmt \x02\x00\x00\x00ab", "a.wav: WAV fmt chunk is 2 bytes" },
    };
    for (refused) |case| {
        try testing.expectError(error.Invalid, decode(testing.allocator, "a.wav", case[0]));
        try testing.expectEqualStrings(case[1], errors.message());
    }
    const mp3 = fileOf(&buffer, .{ .tag = 0x55 }, &data, 40);
    try testing.expectError(error.Invalid, decode(testing.allocator, "a.wav", mp3));
    const whole = fileOf(&buffer, .{}, &data, 40);
    for (0..whole.len) |length| try survives(whole[0..length]);
    for (whole) |*byte| {
        const before = byte.*;
        for ([_]u8{ 0, 1, 0x7f, 0xff }) |other| {
            byte.* = other;
            try survives(whole);
        }
        byte.* = before;
    }
}

fn survives(file: []const u8) !void {
    const sound = decode(testing.allocator, "a.wav", file) catch |err| return testing.expectEqual(error.Invalid, err);
    testing.allocator.free(sound.samples);
}
