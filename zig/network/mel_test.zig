//! Tests of mel.zig: against a plain f64 transform, the published values of filters and tones, and
//! the official implementation's features of the fixture clips.

const std = @import("std");
const errors = @import("../errors.zig");
const files = @import("../checkpoint/files.zig");
const mel = @import("mel.zig");
const safetensors = @import("../checkpoint/safetensors.zig");

const testing = std.testing;
const Mel = mel.Mel;

fn expectNear(want: f64, got: f64, tolerance: f64) !void {
    try testing.expect(@abs(want - got) <= tolerance);
}

test "the filter bank has the published weights" {
    var features = try Mel.init(testing.allocator, 128);
    defer features.deinit();
    var count: usize = 0;
    var largest: f32 = 0;
    for (features.filters) |filter| {
        try testing.expect(filter.weights.len > 0);
        count += filter.weights.len;
        for (filter.weights) |weight| largest = @max(largest, weight);
    }
    try testing.expectEqual(394, count);
    try expectNear(0.0416817, largest, 1e-7);
    const cases = [_]struct { usize, usize, []const f32 }{
        .{ 0, 1, &.{0.012374} },
        .{ 1, 1, &.{0.0303926} },
        .{ 10, 6, &.{ 0.0112892, 0.0010848 } },
        .{ 64, 42, &.{ 0.0067497, 0.0180915 } },
    };
    for (cases) |case| {
        const filter = features.filters[case[0]];
        try testing.expectEqual(case[1], filter.first);
        try testing.expectEqual(case[2].len, filter.weights.len);
        for (case[2], filter.weights) |want, got| try expectNear(want, got, 1e-7);
    }
    const last = features.filters[127];
    try testing.expectEqual(191, last.first);
    try testing.expectEqual(9, last.weights.len);
    try expectNear(0.0050416, last.weights[195 - 191], 1e-7);
}

/// 0.5 sin(2 pi 440 t) + 0.1 sin(2 pi 3000 t).
fn tones(samples: []f32) void {
    for (samples, 0..) |*sample, n| {
        const t = @as(f64, @floatFromInt(n)) / 16000 * 2 * std.math.pi;
        sample.* = @floatCast(0.5 * @sin(440 * t) + 0.1 * @sin(3000 * t));
    }
}

test "two tones give the published features" {
    const frames = 200;
    const samples = try testing.allocator.alloc(f32, 32100);
    defer testing.allocator.free(samples);
    tones(samples);
    const out = try testing.allocator.alloc(f32, 128 * frames);
    defer testing.allocator.free(out);
    var features = try Mel.init(testing.allocator, 128);
    defer features.deinit();
    try features.compute(samples, out);
    var sum: f64 = 0;
    for (out) |value| sum += value;
    try expectNear(-0.51465, std.mem.min(f32, out), 2e-5);
    try expectNear(1.48535, std.mem.max(f32, out), 2e-5);
    try expectNear(-0.40147, sum / @as(f64, 128 * frames), 2e-5);
    const cases = [_]struct { usize, usize, f32 }{
        .{ 0, 0, 0.91299 },   .{ 0, 1, 0.40101 },  .{ 0, 2, -0.51465 },
        .{ 20, 0, 1.32920 },  .{ 20, 1, 1.29149 }, .{ 20, 2, 1.28739 },
        .{ 20, 50, 1.28739 }, .{ 64, 0, 0.24456 }, .{ 64, 1, -0.25005 },
    };
    for (cases) |case| try expectNear(case[2], out[case[0] * frames + case[1]], 2e-5);
    var best: usize = 0;
    for (0..128) |bin| {
        if (out[bin * frames + 100] > out[best * frames + 100]) best = bin;
    }
    try testing.expectEqual(18, best);
}

/// The definition, in f64 and one term after another. Its sines are looked up: an emulated processor
/// would take seconds for them.
fn slow(features: *const Mel, samples: []const f32, out: []f64) void {
    const frames = samples.len / 160;
    var cosines: [400]f64 = undefined;
    var sines: [400]f64 = undefined;
    for (&cosines, &sines, 0..) |*cosine, *sine, n| {
        const angle = 2 * std.math.pi / 400.0 * @as(f64, @floatFromInt(n));
        cosine.* = @cos(angle);
        sine.* = @sin(angle);
    }
    var largest: f64 = -10;
    for (0..frames) |frame| {
        var powers: [201]f64 = undefined;
        for (&powers, 0..) |*power, k| {
            var re: f64 = 0;
            var im: f64 = 0;
            for (0..400) |n| {
                var at = @as(isize, @intCast(frame * 160 + n)) - 200;
                if (at < 0) at = -at;
                const end: isize = @intCast(samples.len - 1);
                if (at > end) at = 2 * end - at;
                const window = 0.5 - 0.5 * cosines[n];
                const value = window * samples[@intCast(at)];
                re += value * cosines[n * k % 400];
                im -= value * sines[n * k % 400];
            }
            power.* = re * re + im * im;
        }
        for (features.filters, 0..) |filter, bin| {
            var sum: f64 = 0;
            for (filter.weights, powers[filter.first..][0..filter.weights.len]) |w, p| sum += w * p;
            out[bin * frames + frame] = std.math.log10(@max(sum, 1e-10));
            largest = @max(largest, out[bin * frames + frame]);
        }
    }
    for (out) |*value| value.* = (@max(value.*, largest - 8) + 4) / 4;
}

test "the fast transform is the definition, at every length" {
    var features = try Mel.init(testing.allocator, 128);
    defer features.deinit();
    var prng = std.Random.DefaultPrng.init(0x5eed);
    for ([_]usize{ 201, 320, 400, 559, 1439, 1600, 3000 }) |length| {
        const samples = try testing.allocator.alloc(f32, length);
        defer testing.allocator.free(samples);
        for (samples) |*sample| sample.* = 0.3 * prng.random().floatNorm(f32);
        const count = 128 * (length / 160);
        const got = try testing.allocator.alloc(f32, count);
        defer testing.allocator.free(got);
        const want = try testing.allocator.alloc(f64, count);
        defer testing.allocator.free(want);
        try features.compute(samples, got);
        slow(&features, samples, want);
        for (want, got) |w, g| try expectNear(w, g, 5e-6);
    }
}

test "ranges of frames in any order give the same bits" {
    var features = try Mel.init(testing.allocator, 128);
    defer features.deinit();
    var samples: [8000]f32 = undefined;
    tones(&samples);
    var whole: [128 * 50]f32 = undefined;
    var parts: [128 * 50]f32 = undefined;
    try features.compute(&samples, &whole);
    var largest: f32 = -10;
    for ([_][2]usize{ .{ 33, 17 }, .{ 0, 1 }, .{ 9, 24 }, .{ 1, 8 } }) |range| {
        largest = @max(largest, features.logFrames(&samples, range[0], range[1], 50, &parts));
    }
    mel.finish(parts[0..77], largest);
    mel.finish(parts[77..], largest);
    try testing.expectEqualSlices(f32, &whole, &parts);
}

test "silence is -1.5 everywhere, too short a clip is refused, bad samples do no harm" {
    var features = try Mel.init(testing.allocator, 128);
    defer features.deinit();
    var samples: [1000]f32 = @splat(0);
    var out: [128 * 6]f32 = undefined;
    try features.compute(&samples, &out);
    for (out) |value| try testing.expectEqual(-1.5, value);
    try testing.expectError(error.Invalid, features.compute(samples[0..200], out[0..128]));
    try testing.expectEqualStrings(
        "200 samples are too few for features, 201 are needed",
        errors.message(),
    );
    for ([_]f32{ std.math.nan(f32), std.math.inf(f32), -3e38 }) |bad| {
        samples[500] = bad;
        try features.compute(&samples, &out);
    }
}

/// Samples of a fixture clip: mono PCM16 whose `data` chunk is the last.
fn readClip(arena: std.mem.Allocator, wav: []const u8) ![]f32 {
    const at = (std.mem.indexOf(u8, wav, "data") orelse return error.NoData) + 8;
    const samples = try arena.alloc(f32, (wav.len - at) / 2);
    for (samples, 0..) |*sample, i| {
        const value = std.mem.readInt(i16, wav[at + 2 * i ..][0..2], .little);
        sample.* = @as(f32, @floatFromInt(value)) / 32768;
    }
    return samples;
}

const clips = [_][]const u8{
    "en-digits",  "en-names",   "en-short",   "en-subsecond", "en-weather",
    "noise-3s",   "silence-3s", "words-en-1", "words-en-2",   "words-en-4",
    "words-en-5", "words-en-7", "words-zh-0", "words-zh-6",   "zh-weather",
};

test "the fixture clips give the official features" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    var features = try Mel.init(arena, 128);
    var golden_files = try files.testFolder(arena, "goldens/asr");
    defer golden_files.close();
    var audio_files = try files.testFolder(arena, "audio");
    defer audio_files.close();
    var largest: f64 = 0;
    var compared: u32 = 0; // A committed part of the fixtures has fewer clips.
    for (clips) |clip| {
        const name = try std.mem.concat(arena, u8, &.{ clip, ".safetensors" });
        const golden = (try golden_files.get(name)) orelse continue;
        const named = [_]files.Named{.{ .name = "model.safetensors", .bytes = golden }};
        var source = files.Source.fromMemory(arena, &named);
        const checkpoint = try safetensors.open(arena, &source);
        const want = checkpoint.find("mel").?;
        const wav = (try audio_files.get(try std.mem.concat(arena, u8, &.{ clip, ".wav" }))).?;
        const samples = try readClip(arena, wav);
        compared += 1;
        const frames = samples.len / 160;
        try testing.expectEqualSlices(u64, &.{ 128, frames }, want.shape());
        const got = try arena.alloc(f32, 128 * frames);
        try features.compute(samples, got);
        for (got, 0..) |value, i| {
            const bits = std.mem.readInt(u32, want.bytes[4 * i ..][0..4], .little);
            largest = @max(largest, @abs(@as(f64, value) - @as(f32, @bitCast(bits))));
        }
    }
    if (largest > 1e-4) std.debug.print("largest difference {d}\n", .{largest});
    try testing.expect(largest <= 1e-4);
    try testing.expect(compared > 0);
}
