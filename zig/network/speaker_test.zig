//! The speaker networks against PyTorch, stage by stage (tests/data/speakers), on every instruction set of this
//! processor; results that do not depend on what goes with them; lengths of all kinds; weights that are damaged.
//!
//! The goldens were computed in f32 with the weights as our file has them, at 16 bits. Two implementations in f32
//! differ by rounding: by less than 1e-4 of a stage's largest value, or of 1. Where a window ends in seconds of digital
//! silence PyTorch in f32 differs as much from itself in f64 as 4e-4; there the bound is 1e-3.

const std = @import("std");
const cpu = @import("../compute/cpu.zig");
const errors = @import("../errors.zig");
const fbank = @import("fbank.zig");
const products = @import("products.zig");
const speakers = @import("../engine/speakers.zig");
const embedding = @import("speaker_embedding.zig");
const segmentation = @import("speaker_segmentation.zig");
const testing = std.testing;
const Speakers = speakers.Speakers;

const Stage = struct {
    stage: []const u8,
    at: usize,
    columns: usize,
    /// From one value to the next that is given.
    step: usize,
    peak: f32,
    values: []const f32,
};

const Golden = struct {
    clip: []const u8,
    samples: usize,
    segmentation: []const Stage,
    voice: []const Stage,
};

fn readAll(comptime path: []const u8) ![]u8 {
    return std.Io.Dir.cwd().readFileAlloc(testing.io, path, testing.allocator, .unlimited);
}

/// Skips the test where the build could not have them.
fn readWeights() ![]u8 {
    const bytes = readAll("zig-out/speakers.safetensors") catch return error.SkipZigTest;
    if (bytes.len == 0) return error.SkipZigTest;
    return bytes;
}

/// The first samples of a clip.
fn readClip(name: []const u8, count: usize) ![]f32 {
    var buffer: [99]u8 = undefined;
    const path = try std.fmt.bufPrint(&buffer, "samples/fixtures/audio/{s}.wav", .{name});
    const bytes = try std.Io.Dir.cwd().readFileAlloc(testing.io, path, testing.allocator, .unlimited);
    defer testing.allocator.free(bytes);
    const samples = try testing.allocator.alloc(f32, count);
    errdefer testing.allocator.free(samples);
    const header_bytes = 44;
    for (samples, 0..) |*sample, i| {
        const raw = std.mem.readInt(i16, bytes[header_bytes + 2 * i ..][0..2], .little);
        sample.* = @as(f32, @floatFromInt(raw)) / 32768;
    }
    return samples;
}

/// Whole windows, filled up with zeros.
fn padded(samples: []const f32) ![]f32 {
    const windows = (samples.len + segmentation.window - 1) / segmentation.window;
    const all = try testing.allocator.alloc(f32, windows * segmentation.window);
    @memset(all, 0);
    @memcpy(all[0..samples.len], samples);
    return all;
}

/// Compares what stages give with the golden's values.
const Watch = struct {
    golden: *const Golden,
    stages: []const Stage,
    seen: *usize,
    worst: *f32,

    pub fn see(self: Watch, comptime stage: []const u8, at: usize, values: []const f32, stride: usize) void {
        for (self.stages) |one| {
            if (one.at != at or !std.mem.eql(u8, one.stage, stage)) continue;
            self.seen.* += 1;
            for (one.values, 0..) |want, i| {
                const place = i * one.step;
                const own = values[place / one.columns * stride + place % one.columns];
                const off = @abs(own - want) / @max(1, one.peak) / self.bound(one);
                if (off <= 1) continue;
                if (off > self.worst.*) std.debug.print("{s}, {s} of window {d}, value {d}: {d}, not {d}\n", .{
                    self.golden.clip, stage, at, place, own, want,
                });
                self.worst.* = @max(self.worst.*, off);
            }
        }
    }

    fn bound(self: Watch, stage: Stage) f32 {
        const is_padded = (stage.at + 1) * segmentation.window > self.golden.samples;
        return if (is_padded and self.golden.segmentation.ptr == self.stages.ptr) 1e-3 else 1e-4;
    }
};

fn compare(own: *Speakers, golden: *const Golden) !void {
    const samples = try readClip(golden.clip, golden.samples);
    defer testing.allocator.free(samples);
    var seen: usize = 0;
    var worst: f32 = 0;
    var watch: Watch = .{ .golden = golden, .stages = golden.segmentation, .seen = &seen, .worst = &worst };
    if (golden.segmentation.len > 0) {
        const all = try padded(samples);
        defer testing.allocator.free(all);
        const out = try testing.allocator.alloc(f32, all.len / segmentation.window * speakers.window_floats);
        defer testing.allocator.free(out);
        try own.segmentation.run(all, out, watch);
    }
    watch.stages = golden.voice;
    var voice: [embedding.size]f32 = undefined;
    try own.embedding.run(&own.spaces[0], &.{samples}, &voice, watch);
    try testing.expectEqual(golden.segmentation.len + golden.voice.len, seen);
    try testing.expectEqual(0, worst);
}

test "speakers: every stage is PyTorch's, on every instruction set" {
    const weights = try readWeights();
    defer testing.allocator.free(weights);
    const text = try readAll("tests/data/speakers/goldens.jsonl");
    defer testing.allocator.free(text);
    const options: std.json.ParseOptions = .{ .ignore_unknown_fields = true };
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var goldens: std.ArrayList(Golden) = .empty;
    var lines = std.mem.tokenizeScalar(u8, text, '\n');
    while (lines.next()) |line| {
        const golden = try std.json.parseFromSliceLeaky(Golden, arena.allocator(), line, options);
        try goldens.append(arena.allocator(), golden);
    }
    var found = cpu.detect().iterator();
    while (found.next()) |isa| {
        const own: *Speakers = try .openFor(testing.allocator, weights, 2, cpu.table(isa), .f32);
        defer own.close();
        for (goldens.items) |*golden| compare(own, golden) catch |reason| {
            std.debug.print("with {t}\n", .{isa});
            return reason;
        };
    }
}

// Activations at 8 bits are off by up to 1/254 of the greatest of 32, weights as much, and there are sixty products one
// after the other. Measured: cosines of 0.9985 to 0.9992, an angle of 3 degrees; voices are one below 66 (0.4).
test "speakers: voices by products at 8 bits are those in f32 to a cosine of 0.998" {
    const weights = try readWeights();
    defer testing.allocator.free(weights);
    const seconds = 16_000;
    const samples = try readClip("en-45s", 40 * seconds);
    defer testing.allocator.free(samples);
    const count = 8;
    var ranges: [count]speakers.Range = undefined;
    for (&ranges, 0..) |*range, i| {
        const start: u32 = @intCast(5 * i * seconds);
        range.* = .{ .start = start, .end = start + 3 * seconds };
    }
    var voices: [2][count * embedding.size]f32 = undefined;
    var found = cpu.detect().iterator();
    while (found.next()) |isa| {
        for ([_]products.Precision{ .f32, .int8 }, &voices) |precision, *to| {
            const own: *Speakers = try .openFor(testing.allocator, weights, 2, cpu.table(isa), precision);
            defer own.close();
            try own.embed(samples, &ranges, &@as([count]u32, @splat(1)), to);
        }
        for (0..count) |i| {
            const at = i * embedding.size;
            const got = cosine(voices[0][at..][0..embedding.size], voices[1][at..][0..embedding.size]);
            if (got < 0.998) std.debug.print("{t}, voice {d}: {d}\n", .{ isa, i, got });
            try testing.expect(got >= 0.998);
        }
    }
}

// Measured on 11,191 frames of four clips: probabilities off by 2.5e-3 (root mean square), another class in 14 frames,
// where two are nearly as likely.
test "speakers: windows by products at 8 bits say of all but 1 in 250 frames what those in f32 do" {
    const weights = try readWeights();
    defer testing.allocator.free(weights);
    const samples = try readClip("en-45s", 4 * segmentation.window);
    defer testing.allocator.free(samples);
    const classes = segmentation.classes;
    var answers: [2][4 * speakers.window_floats]f32 = undefined;
    var found = cpu.detect().iterator();
    while (found.next()) |isa| {
        for ([_]products.Precision{ .f32, .int8 }, &answers) |precision, *to| {
            const own: *Speakers = try .openFor(testing.allocator, weights, 2, cpu.table(isa), precision);
            defer own.close();
            try own.segment(samples, to);
        }
        var others: usize = 0;
        var squares: f32 = 0;
        for (0..answers[0].len / classes) |frame| {
            const want = answers[0][frame * classes ..][0..classes];
            const got = answers[1][frame * classes ..][0..classes];
            if (std.mem.findMax(f32, want) != std.mem.findMax(f32, got)) others += 1;
            for (want, got) |a, b| squares += (@exp(a) - @exp(b)) * (@exp(a) - @exp(b));
        }
        const rms = @sqrt(squares / @as(f32, @floatFromInt(answers[0].len)));
        const most = answers[0].len / classes / 250;
        if (others > most or rms > 5e-3) std.debug.print("{t}: {d} other classes, {d}\n", .{ isa, others, rms });
        try testing.expect(others <= most and rms <= 5e-3);
    }
}

fn cosine(a: *const [embedding.size]f32, b: *const [embedding.size]f32) f32 {
    var sums: [3]f32 = @splat(0);
    for (a, b) |x, y| {
        for (&sums, [_]f32{ x * y, x * x, y * y }) |*sum, product| sum.* += product;
    }
    return sums[0] / @sqrt(sums[1] * sums[2]);
}

test "speakers: windows and voices are the same to the bit alone, together and on any number of threads" {
    const weights = try readWeights();
    defer testing.allocator.free(weights);
    const samples = try readClip("en-45s", 8 * segmentation.window / 2);
    defer testing.allocator.free(samples);
    const windows = 8;
    const all = try testing.allocator.alloc(f32, windows * segmentation.window);
    defer testing.allocator.free(all);
    for (0..windows) |w| { // Half a window from one to the next, and the last one half empty.
        const from = samples[w * segmentation.window / 2 ..];
        const to = all[w * segmentation.window ..][0..segmentation.window];
        @memset(to, 0);
        @memcpy(to[0..@min(from.len, to.len)], from[0..@min(from.len, to.len)]);
    }
    const together = try testing.allocator.alloc(f32, windows * speakers.window_floats);
    defer testing.allocator.free(together);
    var alone: [speakers.window_floats]f32 = undefined;
    var voices: [3][3 * embedding.size]f32 = undefined;
    const ranges = [_]speakers.Range{
        .{ .start = 0, .end = 100_000 },
        .{ .start = 100_000, .end = 120_100 },
        .{ .start = 5, .end = 390 }, // No frame.
        .{ .start = 300_001, .end = 305_000 },
    };
    for ([_]u32{ 1, 2, 5 }, &voices) |count, *to| {
        const own: *Speakers = try .open(testing.allocator, weights, count);
        defer own.close();
        if (count == 1) try own.segment(all, together);
        for (0..windows) |w| {
            if (count > 1 and w % 3 > 0) continue;
            try own.segment(all[w * segmentation.window ..][0..segmentation.window], &alone);
            const want = together[w * speakers.window_floats ..][0..speakers.window_floats];
            try testing.expectEqualSlices(f32, want, &alone);
        }
        if (count == 5) {
            const again = try testing.allocator.alloc(f32, together.len);
            defer testing.allocator.free(again);
            try own.segment(all, again);
            try testing.expectEqualSlices(f32, together, again);
        }
        try own.embed(samples, &ranges, &.{ 1, 1, 2 }, to);
    }
    try testing.expectEqualSlices(f32, &voices[0], &voices[1]);
    try testing.expectEqualSlices(f32, &voices[0], &voices[2]);
}

test "speakers: sound of any length, and none" {
    const weights = try readWeights();
    defer testing.allocator.free(weights);
    const own: *Speakers = try .open(testing.allocator, weights, 2);
    defer own.close();
    try own.segment(&.{}, &.{});
    try own.embed(&.{}, &.{}, &.{}, &.{});
    try testing.expectError(error.Invalid, Speakers.windowsOf(segmentation.window + 1));
    var prng: std.Random.DefaultPrng = .init(4);
    const random = prng.random();
    const samples = try testing.allocator.alloc(f32, 3 * segmentation.window);
    defer testing.allocator.free(samples);
    for (samples) |*sample| sample.* = 0.1 * random.floatNorm(f32);
    var out: [2 * embedding.size]f32 = undefined;
    const enough = fbank.frame_samples + (embedding.frames_min - 1) * fbank.hop;
    for (0..24) |turn| {
        const edges = [_]usize{ 0, 1, enough - 1, enough };
        const most: usize = if (turn < 20) 4000 else samples.len;
        const length = if (turn < edges.len) edges[turn] else random.uintLessThan(usize, most);
        const start = random.uintLessThan(usize, samples.len - length);
        const range: speakers.Range = .{ .start = @intCast(start), .end = @intCast(start + length) };
        try own.embed(samples, &.{ range, range }, &.{ 1, 1 }, &out);
        try testing.expectEqualSlices(f32, out[0..embedding.size], out[embedding.size..]);
        var squares: f32 = 0;
        for (out[0..embedding.size]) |value| squares += value * value;
        try testing.expect(std.math.isFinite(squares) and (squares > 1) == (length >= enough));
    }
    @memset(samples, 0); // Silence, and what is far too loud.
    var result: [speakers.window_floats]f32 = undefined;
    for ([_]f32{ 0, 1e4 }) |level| {
        for (samples, 0..) |*sample, i| sample.* = if (i % 3 == 0) level else -level;
        try own.segment(samples[0..segmentation.window], &result);
        for (result) |value| try testing.expect(value <= 0);
        try own.embed(samples, &.{.{ .start = 0, .end = 16_000 }}, &.{1}, out[0..embedding.size]);
        for (out[0..embedding.size]) |value| try testing.expect(std.math.isFinite(value));
    }
    const voice = out[0..embedding.size];
    const beyond: u32 = @intCast(samples.len + 1);
    for ([_]speakers.Range{ .{ .start = 2, .end = 1 }, .{ .start = 0, .end = beyond } }) |range| {
        try testing.expectError(error.Invalid, own.embed(samples, &.{range}, &.{1}, voice));
    }
    try testing.expectError(error.Invalid, own.embed(samples, &.{}, &.{1}, voice));
}

test "speakers: weights that are damaged are refused with a sentence" {
    const weights = try readWeights();
    defer testing.allocator.free(weights);
    const gpa = testing.allocator;
    try testing.expectError(error.Model, Speakers.open(gpa, &.{}, 1));
    try testing.expectError(error.Model, Speakers.open(gpa, weights[0 .. weights.len - 1], 1));
    const name = "segmentation.classifier.bias";
    const at = std.mem.indexOf(u8, weights, name).?;
    weights[at] = 'S';
    try testing.expectError(error.Model, Speakers.open(gpa, weights, 1));
    try testing.expectEqualStrings("speaker weights: no tensor " ++ name, errors.message());
    weights[at] = 's';
    @memset(weights[weights.len - 2 ..], 0xff); // The last value is no number.
    try testing.expectError(error.Model, Speakers.open(gpa, weights, 1));
    try testing.expect(std.mem.endsWith(u8, errors.message(), "has values that are no numbers"));
}
