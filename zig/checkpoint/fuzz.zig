//! Feeds damaged checkpoints to the readers: safetensors headers (and the weights behind them),
//! shard indexes and config.json. Any crash, leak out of the file's bytes or unclear message ends
//! it. Run by zig/fuzz.zig.
//!
//! Prints one line per target: inputs tried, how many were accepted, how many different sentences
//! the refusals had (cut at the first digit, so places and sizes do not count as different).

const std = @import("std");
const config_file = @import("config.zig");
const errors = @import("../errors.zig");
const files = @import("files.zig");
const safetensors = @import("safetensors.zig");
const weights = @import("weights.zig");
const weights_test = @import("weights_test.zig");

const Allocator = std.mem.Allocator;

const input_bytes_max = 16384;

/// Pieces that matter to the parsers, to be put anywhere.
const pieces = [_][]const u8{
    "{",    "}",       "[",        "]",    "\"",   ":",   ",",
    "\\",   "\\u0000", "\\ud800",  "null", "true", "-1",  "0",
    "1",    "1e400",   "1.5",      "BF16", "F64",  "../", "\x00",
    "\xff", "\n",      "[[[[[[[[",
} ++ [_][]const u8{
    "18446744073709551615",          "18446744073709551616", "9223372036854775807",
    "4294967296",                    "\"dtype\":",           "\"shape\":",
    "\"data_offsets\":",             "\"__metadata__\":",    "\"weight_map\":",
    "\"model_type\":\"qwen3_asr\",", "thinker_config",
};

const Mutator = struct {
    random: std.Random,
    buffer: [input_bytes_max]u8 = undefined,
    length: usize = 0,

    /// A copy of `base` with one to eight changes after its first `kept` bytes.
    fn mutate(self: *Mutator, base: []const u8, kept: usize) []u8 {
        @memcpy(self.buffer[0..base.len], base);
        self.length = base.len;
        for (0..self.random.intRangeAtMost(usize, 1, 8)) |_| {
            if (self.length <= kept) break;
            const at = self.random.intRangeLessThan(usize, kept, self.length);
            switch (self.random.uintLessThan(u8, 6)) {
                0 => self.buffer[at] ^= @as(u8, 1) << self.random.int(u3),
                1 => self.buffer[at] = self.random.int(u8),
                2 => self.replace(at, 0, self.piece()),
                3 => self.replace(at, self.shortLength(at), self.piece()),
                4 => self.replace(at, self.shortLength(at), ""),
                else => { // Repeat a stretch of it somewhere else.
                    var copy: [64]u8 = undefined;
                    const from = self.random.intRangeLessThan(usize, kept, self.length);
                    const count = @min(self.shortLength(from), copy.len);
                    @memcpy(copy[0..count], self.buffer[from..][0..count]);
                    self.replace(at, 0, copy[0..count]);
                },
            }
        }
        if (self.random.uintLessThan(u8, 16) == 0)
            self.length = self.random.uintAtMost(usize, self.length);
        return self.buffer[0..self.length];
    }

    fn piece(self: *Mutator) []const u8 {
        return pieces[self.random.uintLessThan(usize, pieces.len)];
    }

    fn shortLength(self: *Mutator, at: usize) usize {
        return @min(self.random.intRangeAtMost(usize, 1, 40), self.length - at);
    }

    fn replace(self: *Mutator, at: usize, removed: usize, new: []const u8) void {
        const tail = self.buffer[at + removed .. self.length];
        if (at + new.len + tail.len > self.buffer.len) return;
        @memmove(self.buffer[at + new.len ..][0..tail.len], tail);
        @memcpy(self.buffer[at..][0..new.len], new);
        self.length = at + new.len + tail.len;
    }
};

const Tally = struct {
    inputs: u64 = 0,
    accepted: u64 = 0,
    sentences: std.AutoHashMapUnmanaged(u64, void) = .empty,

    /// Takes what a reader returned; refusals must be one clear line about a file.
    fn add(self: *Tally, allocator: Allocator, result: errors.Error!void) !void {
        self.inputs += 1;
        if (result) |_| {
            self.accepted += 1;
            return;
        } else |reason| if (reason != error.Model) return reason;
        const message = errors.message();
        const named = std.mem.indexOf(u8, message, ".safetensors") != null or
            std.mem.startsWith(u8, message, "config.json: ");
        if (!named) return error.MessageNamesNoFile;
        for (message) |byte| if (byte < ' ' or byte >= 0x7f) return error.MessageNotPrintable;
        const end = std.mem.indexOfAny(u8, message, "0123456789") orelse message.len;
        try self.sentences.put(allocator, std.hash.Wyhash.hash(0, message[0..end]), {});
    }
};

/// Opens a whole checkpoint and touches every byte it hands out.
fn readCheckpoint(
    arena: Allocator,
    named: []const files.Named,
    config: *const config_file.Config,
) errors.Error!void {
    var source = files.Source.fromMemory(arena, named);
    const checkpoint = try safetensors.open(arena, &source);
    for (checkpoint.tensors.values()) |tensor| {
        if (!isWithin(tensor.bytes, named)) @panic("a tensor lies outside its file");
        for (tensor.bytes) |byte| std.mem.doNotOptimizeAway(byte);
    }
    const found = try weights.resolve(arena, &checkpoint, config);
    if (found.decoder.embed.rows != config.text.vocab) @panic("a matrix has the wrong size");
}

fn isWithin(bytes: []const u8, named: []const files.Named) bool {
    for (named) |file| {
        const start = @intFromPtr(file.bytes.ptr);
        if (@intFromPtr(bytes.ptr) < start) continue;
        if (@intFromPtr(bytes.ptr) + bytes.len <= start + file.bytes.len) return true;
    }
    return false;
}

/// What is accepted must hold what the engine counts on.
fn readConfig(arena: Allocator, json: []const u8) errors.Error!void {
    const config = try config_file.parse(arena, "config.json", json);
    const text = config.text;
    const audio = config.audio;
    const sound = text.heads % text.kv_heads == 0 and audio.d_model % audio.heads == 0 and
        audio.output_dim == text.hidden and audio.chunk_frames == 100 and audio.mel_bins == 128 and
        text.rms_eps > 0 and text.rope_theta >= 1 and text.layers >= 1 and
        (config.kind == .aligner) == (config.classes > 0);
    if (!sound) @panic("a config that should not be accepted");
}

const Target = enum { safetensors, index, config };

fn runTarget(gpa: Allocator, target: Target, inputs: u64, seed: u64) !Tally {
    var prng = std.Random.DefaultPrng.init(seed);
    const mutator = try gpa.create(Mutator);
    mutator.* = .{ .random = prng.random() };
    var lasting: std.heap.ArenaAllocator = .init(gpa);
    const config = try config_file.parse(
        lasting.allocator(),
        "config.json",
        config_file.test_original,
    );
    const whole = try weights_test.build(lasting.allocator(), &weights_test.entries, 0);
    const index = try std.fmt.allocPrint(
        lasting.allocator(),
        "{{\"metadata\":{{}},\"weight_map\":{{\"{s}\":\"a.safetensors\"," ++
            "\"{s}\":\"a.safetensors\"}}}}",
        .{ weights_test.entries[0].name, weights_test.entries[1].name },
    );
    var tally: Tally = .{};
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    for (0..inputs) |i| {
        _ = arena_state.reset(.retain_capacity);
        const arena = arena_state.allocator();
        const result = switch (target) {
            .safetensors => result: {
                // Half of them keep the header's length in step, to get past the first check.
                const bytes = mutator.mutate(whole, if (i % 2 == 0) 8 else 0);
                if (i % 2 == 0 and bytes.len >= 8) fixLength(bytes);
                break :result readCheckpoint(
                    arena,
                    &.{.{ .name = "model.safetensors", .bytes = bytes }},
                    &config,
                );
            },
            .index => readCheckpoint(arena, &.{
                .{ .name = "a.safetensors", .bytes = whole },
                .{ .name = "model.safetensors.index.json", .bytes = mutator.mutate(index, 0) },
            }, &config),
            .config => readConfig(arena, mutator.mutate(switch (i % 2) {
                0 => config_file.test_original,
                else => config_file.test_flattened,
            }, 0)),
        };
        try tally.add(gpa, result);
    }
    return tally;
}

/// Sets the header's length to end at its last brace.
fn fixLength(bytes: []u8) void {
    const end = std.mem.lastIndexOfScalar(u8, bytes, '}') orelse return;
    if (end >= 8) std.mem.writeInt(u64, bytes[0..8], end - 7, .little);
}

/// `inputs` for each of the readers.
pub fn run(inputs: u64, seed: u64) !void {
    for (std.enums.values(Target)) |target| {
        const tally = runTarget(std.heap.c_allocator, target, inputs, seed) catch |reason| {
            std.debug.print(
                "{t}: {t}, after the message: {s}\n",
                .{ target, reason, errors.message() },
            );
            return reason;
        };
        std.debug.print("{t}: {d} inputs, {d} accepted, {d} kinds of refusal\n", .{
            target, tally.inputs, tally.accepted, tally.sentences.count(),
        });
    }
}
