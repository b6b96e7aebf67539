//! Tests with the demo models: what is done in slices is what is done in one call, to the bit; what is refused while
//! something is under way; what a model with open handles, a released session and a failed step leave behind.

const std = @import("std");
const builtin = @import("builtin");
const clock = @import("clock.zig");
const encoder_ = @import("encoder.zig");
const errors = @import("../errors.zig");
const model_ = @import("model.zig");
const precision_ = @import("../packing/precision.zig");
const session_ = @import("session.zig");

const testing = std.testing;
const Encoder = encoder_.Encoder;
const Model = model_.Model;
const Session = session_.Session;
const rate = 16_000;
const precisions = [_]precision_.Precision{ .bf16, .int8 };

fn open(comptime folder: []const u8, threads: u32, precision: precision_.Precision) !*Model {
    const origin: Model.Origin = .{ .folder = "samples/fixtures/" ++ folder };
    return Model.open(testing.allocator, origin, .{ .threads = threads, .precision = precision });
}

fn sound(seconds: usize) ![]f32 {
    const samples = try testing.allocator.alloc(f32, seconds * rate + 77);
    var random: std.Random.DefaultPrng = .init(5);
    for (samples, 0..) |*sample, i| {
        const wave = @sin(@as(f32, @floatFromInt(i)) / 900);
        sample.* = 0.3 * wave * (random.random().float(f32) - 0.5);
    }
    return samples;
}

/// A clip's rows and the prompt for them.
const Prompt = struct {
    rows: []f32,
    ids: []u32,

    fn init(model: *Model, seconds: usize) !Prompt {
        const samples = try sound(seconds);
        defer testing.allocator.free(samples);
        const encoder = try Encoder.open(model);
        defer encoder.close();
        const count = encoder.rowsOf(samples.len);
        const rows = try testing.allocator.alloc(f32, count * model.config.text.hidden);
        errdefer testing.allocator.free(rows);
        try encoder.encode(samples, 0, rows.ptr);
        var list: std.ArrayList(u32) = .empty;
        defer list.deinit(testing.allocator);
        var arena: std.heap.ArenaAllocator = .init(testing.allocator);
        defer arena.deinit();
        if (model.config.kind == .asr) {
            var ids: std.ArrayList(u32) = .empty;
            try model.prompt(arena.allocator(), count, "", "", &ids);
            try list.appendSlice(testing.allocator, ids.items);
        } else {
            const special = model.special;
            try list.append(testing.allocator, special.audio_start);
            try list.appendNTimes(testing.allocator, special.audio_pad, count);
            try list.append(testing.allocator, special.audio_end);
            for (0..90) |word| {
                const marker = special.timestamp.?;
                try list.appendSlice(testing.allocator, &.{ @intCast(785 + word), marker, marker });
            }
        }
        return .{ .rows = rows, .ids = try list.toOwnedSlice(testing.allocator) };
    }

    fn deinit(self: Prompt) void {
        testing.allocator.free(self.rows);
        testing.allocator.free(self.ids);
    }
};

/// Runs a unit at a time. Returns how many there were.
fn unitsOf(handle: anytype) !usize {
    var units: usize = 1;
    while (!try handle.run(0)) units += 1;
    return units;
}

test "encoded in slices: the rows of one call" {
    for (precisions) |precision| {
        const model = try open("nano-asr", 2, precision);
        defer model.close() catch unreachable;
        const encoder = try Encoder.open(model);
        defer encoder.close();
        const samples = try sound(34); // Two groups, the last batch and the last chunk are not full.
        defer testing.allocator.free(samples);
        const width = model.config.audio.output_dim;
        for ([_]usize{ 34 * rate + 77, rate / 3, 0 }) |count| {
            const clip = samples[0..count];
            const whole = try testing.allocator.alloc(f32, encoder.rowsOf(count) * width);
            defer testing.allocator.free(whole);
            for ([_]usize{ 0, 300 }) |window| {
                try encoder.encode(clip, window, whole.ptr);
                try testing.expectEqual(encoder.rowsOf(count), try encoder.begin(clip, window));
                try testing.expectError(error.Invalid, encoder.result());
                const units = try unitsOf(encoder);
                if (count > rate) try testing.expect(units > 3 * 9 + 2 * model.config.audio.layers);
                try testing.expectEqualSlices(f32, whole, try encoder.result());
            }
        }
    }
}

test "a clip that is given up, cancelled or replaced leaves the encoder as good as new" {
    const model = try open("nano-asr", 1, .int8);
    defer model.close() catch unreachable;
    const encoder = try Encoder.open(model);
    defer encoder.close();
    const samples = try sound(9);
    defer testing.allocator.free(samples);
    try testing.expectError(error.Invalid, encoder.run(0));
    _ = try encoder.begin(samples, 0);
    try testing.expect(!try encoder.run(0));
    try testing.expect(encoder.isUnderWay());
    encoder.cancelled.store(true, .monotonic);
    try testing.expectError(error.Cancelled, encoder.run(clock.forever));
    try testing.expect(!encoder.isUnderWay());
    try testing.expectError(error.Invalid, encoder.begin(samples, 250));
    _ = try encoder.begin(samples, 0); // Ends the cancellation.
    try testing.expect(!try encoder.run(0));
    _ = try encoder.begin(samples[0..rate], 0);
    _ = try unitsOf(encoder);
    try testing.expectEqual(13 * model.config.audio.output_dim, (try encoder.result()).len);
}

/// What a session says next, and where it stands.
const State = struct { positions: u32, ids: [5]u32, logits: [5]f32 };

fn stateOf(session: *Session) !State {
    var state: State = .{ .positions = session.positions(), .ids = undefined, .logits = undefined };
    try session.decoder.top(&state.ids, &state.logits);
    return state;
}

test "a prompt taken in by slices, with a draft that is right up to some place: as in one call" {
    for (precisions) |precision| {
        const model = try open("nano-asr", 2, precision);
        defer model.close() catch unreachable;
        const prompt: Prompt = try .init(model, 40); // More than 512 positions: two blocks of rows.
        defer prompt.deinit();
        const session = try Session.open(model);
        defer session.close();
        try session.extend(prompt.ids, prompt.rows);
        var said: [80]u32 = undefined;
        for (&said) |*id| {
            id.* = (try session.decoder.next()).id;
            try session.extend(&.{id.*}, &.{});
        }
        const ids = try testing.allocator.alloc(u32, prompt.ids.len + said.len);
        defer testing.allocator.free(ids);
        @memcpy(ids[0..prompt.ids.len], prompt.ids);
        for ([_]usize{ said.len, 66, 9, 0 }) |right| {
            @memcpy(ids[prompt.ids.len..], &said);
            if (right < said.len) ids[prompt.ids.len + right] = (said[right] + 1) % 1000;
            const draft = if (right == 0) 1 else said.len;
            const all = ids[0 .. prompt.ids.len + draft];
            var logprobs: [said.len]f32 = undefined;
            const accepted = try session.verify(0, all, prompt.rows, logprobs[0..draft]);
            try testing.expectEqual(right, accepted);
            const whole = try stateOf(session);
            try session.begin(0, all, prompt.rows, draft);
            try testing.expectEqual(0, session.positions());
            const units = try unitsOf(session);
            try testing.expect(units > 2 * 4 * model.config.text.layers);
            try testing.expectEqualSlices(f32, logprobs[0..accepted], try session.verified());
            try testing.expectEqual(whole, try stateOf(session));
        }
        // The draft alone, after the prompt.
        try session.begin(@intCast(prompt.ids.len), &.{}, &.{}, 0);
        _ = try unitsOf(session);
        try testing.expectEqual(prompt.ids.len, session.positions());
    }
}

test "while a prefill is under way nothing else is done; given up, it leaves the positions from before" {
    const model = try open("nano-asr", 2, .int8);
    defer model.close() catch unreachable;
    const prompt: Prompt = try .init(model, 3);
    defer prompt.deinit();
    const session = try Session.open(model);
    defer session.close();
    try testing.expectError(error.Invalid, session.run(0));
    try session.extend(prompt.ids, prompt.rows);
    const before = try stateOf(session);
    try session.begin(before.positions, prompt.ids, prompt.rows, 0);
    try testing.expect(!try session.run(0));
    try testing.expectError(error.Busy, session.extend(&.{1}, &.{}));
    try testing.expectError(error.Busy, session.begin(0, prompt.ids, prompt.rows, 0));
    var culprit: usize = session_.everything;
    try testing.expectError(error.Busy, Session.step(&.{session}, &.{1}, &culprit));
    try testing.expectEqual(0, culprit);
    try testing.expectError(error.Invalid, session.verified());
    try testing.expectEqual(before.positions, session.positions());
    // Cancelled, after most of it.
    for (0..4 * model.config.text.layers) |_| try testing.expect(!try session.run(0));
    session.cancelled.store(true, .monotonic);
    try testing.expectError(error.Cancelled, session.run(clock.forever));
    try testing.expectEqual(before.positions, session.positions());
    session.cancelled.store(false, .monotonic);
    // Given up by truncating.
    try session.begin(before.positions, prompt.ids, prompt.rows, 0);
    try testing.expect(!try session.run(0));
    try session.truncate(before.positions - 1);
    try session.extend(prompt.ids[prompt.ids.len - 1 ..], &.{});
    const again = try stateOf(session);
    try testing.expectEqual(before.positions, again.positions);
    try testing.expectEqual(before.ids, again.ids);
    // Refused before anything has changed.
    try testing.expectError(error.Invalid, session.begin(before.positions + 1, prompt.ids, prompt.rows, 0));
    try testing.expectError(error.Invalid, session.begin(0, prompt.ids, prompt.rows[1..], 0));
    try testing.expectError(error.Invalid, session.begin(0, prompt.ids[0..3], &.{}, 4));
    try testing.expectEqual(again, try stateOf(session));
}

test "classified in slices: the classes and margins of one call" {
    for (precisions) |precision| {
        const model = try open("nano-aligner", 2, precision);
        defer model.close() catch unreachable;
        const prompt: Prompt = try .init(model, 20);
        defer prompt.deinit();
        const session = try Session.open(model);
        defer session.close();
        const marker = model.special.timestamp.?;
        var classes: [180]u32 = undefined;
        var margins: [180]f32 = undefined;
        try session.classify(prompt.ids, prompt.rows, marker, &classes, &margins);
        try session.classifyBegin(prompt.ids, prompt.rows, marker, classes.len);
        try testing.expect(!try session.run(0));
        try testing.expectError(error.Invalid, session.classified());
        const units = try unitsOf(session);
        try testing.expect(units > 2 * 4 * (model.config.text.layers - 1));
        const result = try session.classified();
        try testing.expectEqualSlices(u32, &classes, result.classes);
        try testing.expectEqualSlices(f32, &margins, result.margins);
        // Given up in the middle; what comes after is right.
        try session.classifyBegin(prompt.ids, prompt.rows, marker, classes.len);
        try testing.expect(!try session.run(0));
        try session.truncate(0);
        var anew: [180]u32 = undefined;
        try session.classify(prompt.ids, prompt.rows, marker, &anew, &margins);
        try testing.expectEqualSlices(u32, &classes, &anew);
    }
}

test "a step names the session at fault, and no session has changed" {
    const model = try open("nano-asr", 2, .int8);
    defer model.close() catch unreachable;
    const other = try open("nano-asr", 1, .bf16);
    defer other.close() catch unreachable;
    const prompt: Prompt = try .init(model, 1);
    defer prompt.deinit();
    var sessions: [3]*Session = undefined;
    for (&sessions) |*one| {
        one.* = try Session.open(model);
        try one.*.extend(prompt.ids, prompt.rows);
    }
    defer for (sessions) |one| one.close();
    const before = try stateOf(sessions[0]);
    var culprit: usize = session_.everything;
    sessions[1].cancelled.store(true, .monotonic);
    try testing.expectError(error.Cancelled, Session.step(&sessions, &.{ 1, 2, 3 }, &culprit));
    try testing.expectEqual(1, culprit);
    sessions[1].cancelled.store(false, .monotonic);
    try testing.expectError(error.Invalid, Session.step(&sessions, &.{ 1, 2, 1 << 30 }, &culprit));
    try testing.expectEqual(2, culprit);
    const foreign = try Session.open(other);
    defer foreign.close();
    try testing.expectError(error.Invalid, Session.step(&.{ sessions[0], foreign }, &.{ 1, 2 }, &culprit));
    try testing.expectEqual(1, culprit);
    const room = sessions[2].decoder.text.positions_max;
    sessions[2].decoder.text.positions_max = before.positions;
    try testing.expectError(error.TooLong, Session.step(&sessions, &.{ 1, 2, 3 }, &culprit));
    try testing.expectEqual(2, culprit);
    sessions[2].decoder.text.positions_max = room;
    for (sessions) |one| try testing.expectEqual(before, try stateOf(one));
    culprit = session_.everything;
    try Session.step(&sessions, &.{ 1, 1, 1 }, &culprit);
    try testing.expectEqual(session_.everything, culprit);
    for (sessions) |one| try testing.expectEqual(before.positions + 1, one.positions());
}

test "a model is not closed while something of it is open" {
    const model = try open("nano-asr", 1, .bf16);
    const session = try Session.open(model);
    try testing.expectError(error.Busy, model.close());
    const encoder = try Encoder.open(model);
    session.close();
    try testing.expectError(error.Busy, model.close());
    const listener = try @import("listener.zig").Listener.open(model, 0, true);
    encoder.close();
    try testing.expectError(error.Busy, model.close());
    listener.close();
    try model.close();
}

test "a released session holds no pages, and works as before" {
    const model = try open("nano-asr", 2, .int8);
    defer model.close() catch unreachable;
    const prompt: Prompt = try .init(model, 3);
    defer prompt.deinit();
    const session = try Session.open(model);
    defer session.close();
    var counting: std.testing.FailingAllocator = .init(testing.allocator, .{});
    const whole = counting.allocator();
    session.decoder.cache.allocator = whole;
    session.decoder.block.allocator = whole;
    session.decoder.block.quantized.allocator = whole;
    try session.extend(prompt.ids, prompt.rows);
    const before = try stateOf(session);
    try testing.expect(counting.allocated_bytes > counting.freed_bytes + 64 * 1024);
    session.cancelled.store(true, .monotonic);
    try session.release();
    try testing.expectEqual(counting.allocated_bytes, counting.freed_bytes);
    try session.extend(prompt.ids, prompt.rows);
    try testing.expectEqual(before, try stateOf(session));
}

fn threadsOfProcess() !usize {
    var text: [4096]u8 = undefined;
    const fd = std.c.open("/proc/self/status", .{});
    try testing.expect(fd >= 0);
    defer _ = std.c.close(fd);
    const length = std.c.read(fd, &text, text.len);
    const status = text[0..@intCast(length)];
    const from = std.mem.indexOf(u8, status, "Threads:\t").? + "Threads:\t".len;
    const end = std.mem.indexOfScalarPos(u8, status, from, '\n').?;
    return std.fmt.parseInt(usize, status[from..end], 10);
}

test "models share the process's threads" {
    if (builtin.os.tag != .linux) return;
    const before = try threadsOfProcess();
    const small = try open("nano-asr", 2, .int8);
    try testing.expectEqual(before + 1, try threadsOfProcess());
    const large = try open("nano-asr", 4, .int8);
    try testing.expectEqual(before + 3, try threadsOfProcess());
    const third = try open("nano-aligner", 3, .int8);
    try testing.expectEqual(before + 3, try threadsOfProcess());
    try large.close();
    const prompt: Prompt = try .init(small, 1);
    prompt.deinit();
    try small.close();
    try third.close();
    try testing.expectEqual(before, try threadsOfProcess());
}
