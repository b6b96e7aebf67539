//! Tests of listener.zig and verify.zig with the demo model, as the C ABI's functions use them.

const std = @import("std");
const listener_ = @import("listener.zig");
const model_ = @import("model.zig");
const precision_ = @import("../packing/precision.zig");
const encoder_ = @import("encoder.zig");

const testing = std.testing;
const Listener = listener_.Listener;
const Model = model_.Model;
const Encoder = encoder_.Encoder;
const rate = 16_000;

fn open(precision: precision_.Precision) !*Model {
    const origin: Model.Origin = .{ .folder = "samples/fixtures/nano-asr" };
    return Model.open(testing.allocator, origin, .{ .threads = 2, .precision = precision });
}

/// Noise that comes and goes, louder from second to second by `growth`.
fn sound(samples: []f32, growth: f32) void {
    var random: std.Random.DefaultPrng = .init(1);
    for (samples, 0..) |*sample, i| {
        const second: f32 = @floatFromInt(i / rate);
        const wave = @sin(@as(f32, @floatFromInt(i)) / 700);
        const loudness = @min(0.5, 0.001 * std.math.pow(f32, growth, second));
        sample.* = loudness * wave * (random.random().float(f32) - 0.5);
    }
}

const Rows = struct { rows: []f32, result: Listener.Result };

fn encode(listener: *Listener, encoder: *Encoder) !Rows {
    const width = encoder.model.config.text.hidden;
    const rows = try testing.allocator.alloc(f32, listener.rowsCount() * width);
    errdefer testing.allocator.free(rows);
    while (!try listener.run(encoder, 0)) {} // Unit by unit: that deadline is always passed.
    return .{ .rows = rows, .result = try listener.encode(encoder, rows.ptr) };
}

/// Two listeners that hear the same, one of which keeps nothing.
const Pair = struct {
    keeping: *Listener,
    plain: *Listener,
    encoder: *Encoder,

    fn init(encoder: *Encoder, window: usize) !Pair {
        const keeping = try Listener.open(encoder.model, window, true);
        errdefer keeping.close();
        return .{ .keeping = keeping, .plain = try Listener.open(encoder.model, window, false), .encoder = encoder };
    }

    fn deinit(self: Pair) void {
        self.keeping.close();
        self.plain.close();
    }

    fn append(self: Pair, samples: []const f32) !void {
        try self.keeping.append(samples);
        try self.plain.append(samples);
    }

    fn forget(self: Pair, windows: usize) !void {
        try self.keeping.forget(windows);
        try self.plain.forget(windows);
    }

    /// Both give the same rows; how much was kept.
    fn check(self: Pair) !Listener.Result {
        const kept = try encode(self.keeping, self.encoder);
        defer testing.allocator.free(kept.rows);
        // What is interrupted begins anew.
        for (0..3) |_| _ = try self.plain.run(self.encoder, 0);
        _ = try self.keeping.run(self.encoder, 0);
        const plain = try encode(self.plain, self.encoder);
        defer testing.allocator.free(plain.rows);
        try testing.expectEqualSlices(f32, plain.rows, kept.rows);
        try testing.expectEqual(0, plain.result.kept);
        try testing.expectEqual(plain.result.rows, kept.result.rows);
        return kept.result;
    }
};

test "rows kept are rows computed anew, and those of the whole clip" {
    for ([_]precision_.Precision{ .bf16, .int8 }) |precision| {
        const model = try open(precision);
        defer model.close() catch unreachable;
        const encoder = try Encoder.open(model);
        defer encoder.close();
        const samples = try testing.allocator.alloc(f32, 5 * rate + 77);
        defer testing.allocator.free(samples);
        sound(samples, 1);
        const pair: Pair = try .init(encoder, 200);
        defer pair.deinit();
        // Before the first half second is full, within a frame, on a chunk's and a window's end.
        const early = [_]usize{ 0, 1, 200, 201, 7999, 8000 };
        const cuts = early ++ [_]usize{ 15_999, 16_000, 16_040, 16_041, 32_000, 32_041, 48_300, 80_000 };
        var before: usize = 0;
        for (cuts) |cut| {
            try pair.append(samples[before..cut]);
            before = cut;
            const result = try pair.check();
            // The last frame of a second is there 41 samples later.
            const windows = if (cut >= 41) (cut - 41) / (2 * rate) else 0;
            if (cut == 80_000) try testing.expectEqual(26, result.kept);
            try testing.expect(windows * 26 >= result.unchanged);
            const again = try encode(pair.keeping, encoder);
            defer testing.allocator.free(again.rows);
            try testing.expectEqual(again.result.rows, again.result.unchanged);
        }
        try pair.append(samples[before..]);
        const heard = try encode(pair.keeping, encoder);
        defer testing.allocator.free(heard.rows);
        const whole = try testing.allocator.alloc(f32, heard.rows.len);
        defer testing.allocator.free(whole);
        try encoder.encode(samples, 200, whole.ptr);
        if (precision == .int8) try testing.expectEqualSlices(f32, whole, heard.rows);
        for (whole, heard.rows) |want, got| try testing.expectApproxEqAbs(want, got, 1e-4);
    }
}

test "a floor that rises does over what was below it, and no more" {
    const model = try open(.int8);
    defer model.close() catch unreachable;
    const encoder = try Encoder.open(model);
    defer encoder.close();
    const samples = try testing.allocator.alloc(f32, 8 * rate);
    defer testing.allocator.free(samples);
    const pair: Pair = try .init(encoder, 100);
    defer pair.deinit();
    // Noise spreads over 40 dB. Louder by 25 dB in all, the first second is still above the floor; by 80, not.
    for ([_]f32{ 1.5, 3.7 }, [_]bool{ true, false }) |growth, is_kept| {
        sound(samples, growth);
        var kept: usize = 0;
        for (0..8) |second| {
            try pair.append(samples[second * rate ..][0..rate]);
            kept += (try pair.check()).kept;
        }
        // A second's last frame comes with the next one, so it is kept from the one after that on.
        const most = 13 * (1 + 2 + 3 + 4 + 5 + 6);
        try testing.expect(if (is_kept) kept == most else kept > 0 and kept < most);
        pair.keeping.forgetAll();
        pair.plain.forgetAll();
    }
    // Silence is below any floor: everything is done over for every second that is louder.
    @memset(samples[0 .. 4 * rate], 0);
    try pair.append(samples[0 .. 4 * rate]);
    try testing.expectEqual(0, (try pair.check()).kept);
    try pair.append(samples[4 * rate ..][0..rate]);
    try pair.append(samples[0..50]);
    const louder = try pair.check();
    try testing.expectEqual(0, louder.unchanged);
    // Quieter again: all but the open second is as it was.
    for (samples[4 * rate ..][0..rate]) |*sample| sample.* /= 8;
    try pair.append(samples[4 * rate ..][0..rate]);
    try testing.expectEqual(5 * 13, (try pair.check()).unchanged);
}

test "what is forgotten leaves the rest as it was" {
    const model = try open(.int8);
    defer model.close() catch unreachable;
    const encoder = try Encoder.open(model);
    defer encoder.close();
    const samples = try testing.allocator.alloc(f32, 12 * rate + 500);
    defer testing.allocator.free(samples);
    sound(samples, 1);
    const pair: Pair = try .init(encoder, 200);
    defer pair.deinit();
    try pair.append(samples[0 .. 7 * rate]);
    const before = try encode(pair.keeping, encoder);
    defer testing.allocator.free(before.rows);
    try testing.expectError(error.Invalid, pair.keeping.forget(4));
    try testing.expectError(error.Invalid, pair.keeping.forget(std.math.maxInt(usize)));
    try pair.forget(2);
    const after = try encode(pair.keeping, encoder);
    defer testing.allocator.free(after.rows);
    try testing.expectEqualSlices(f32, before.rows[52 * 128 ..], after.rows);
    try testing.expectEqual(0, after.result.unchanged); // They have other places.
    try testing.expectEqual(26, after.result.kept); // The last one's last frame is not settled.
    try testing.expectEqual(39, (try countsOf(pair.keeping, encoder)).unchanged);
    try pair.append(samples[7 * rate ..]);
    _ = try pair.check();
    try testing.expectEqual(8 * rate + 500, pair.keeping.held());
    try pair.forget(4); // All windows: 500 samples are left, which count as half a second.
    try testing.expectEqual(500, pair.keeping.held());
    try testing.expectEqual(7, (try pair.check()).rows);
    try testing.expectEqual(500 + 2 * 160, pair.keeping.samples.items.len);
    try testing.expectEqual(1, pair.keeping.chunks.items.len);
}

fn countsOf(listener: *Listener, encoder: *Encoder) !Listener.Result {
    const made = try encode(listener, encoder);
    testing.allocator.free(made.rows);
    return made.result;
}
