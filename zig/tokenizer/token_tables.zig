//! The tables a tokenizer looks things up in: the byte-level alphabet, tokens by id, ids by text,
//! merges by pair. The hash tables have open addressing and a size fixed when they are made.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const errors = @import("../errors.zig");
const assert = std.debug.assert;

/// Its bytes are `pool[offset..][0..bytes]`: what it stands for, or an added token's own text.
pub const Token = packed struct(u64) {
    offset: u32,
    bytes: u31,
    added: bool,

    pub const none: Token = .{ .offset = 0, .bytes = 0, .added = false };
};

pub fn tokenAt(offset: usize, bytes: usize, added: bool) Token {
    assert(bytes > 0);
    return .{ .offset = @intCast(offset), .bytes = @intCast(bytes), .added = added };
}

pub fn bytesOf(pool: []const u8, token: Token) []const u8 {
    return pool[token.offset..][0..token.bytes];
}

pub const Merge = struct { left: u32, right: u32, result: u32 };

/// What two neighbouring tokens merge into, and how early.
pub const PairTable = struct {
    slots: []align(64) Slot,

    pub const Found = struct { rank: u32, result: u32 };

    const empty: u64 = std.math.maxInt(u64); // No id is that large.

    const Slot = struct {
        key: u64,
        found: Found,

        pub fn of(merge: Merge, rank: u32) Slot {
            const key = keyOf(merge.left, merge.right);
            return .{ .key = key, .found = .{ .rank = rank, .result = merge.result } };
        }

        pub fn isEmpty(self: Slot) bool {
            return self.key == empty;
        }
    };

    /// Empty, with room for `count` merges.
    pub fn init(allocator: std.mem.Allocator, count: usize) errors.Error!PairTable {
        const slots = buffers.alloc(Slot, allocator, slotsFor(count)) catch
            return errors.outOfMemory("the merges");
        @memset(slots, .{ .key = empty, .found = .{ .rank = 0, .result = 0 } });
        return .{ .slots = slots };
    }

    pub fn deinit(self: *PairTable, allocator: std.mem.Allocator) void {
        buffers.free(allocator, self.slots);
    }

    pub fn get(self: PairTable, left: u32, right: u32) ?Found {
        const slot = self.find(left, right);
        return if (slot.isEmpty()) null else slot.found;
    }

    /// The pair's slot, or the empty one where it belongs.
    pub fn find(self: PairTable, left: u32, right: u32) *Slot {
        const key = keyOf(left, right);
        const mask = self.slots.len - 1;
        var at = self.home(key);
        while (self.slots[at].key != key and !self.slots[at].isEmpty()) at = (at + 1) & mask;
        return &self.slots[at];
    }

    /// Asks memory for the pair's slot, which is then found without waiting.
    pub fn fetch(self: PairTable, left: u32, right: u32) void {
        @prefetch(&self.slots[self.home(keyOf(left, right))], .{});
    }

    fn home(self: PairTable, key: u64) usize {
        const mixed = (key ^ key >> 29) *% 0x9e3779b97f4a7c15; // 2^64 / golden ratio: spreads runs.
        return @intCast(mixed >> 32 & (self.slots.len - 1));
    }

    fn keyOf(left: u32, right: u32) u64 {
        return @as(u64, left) << 32 | right;
    }
};

/// Ids by the bytes of their tokens.
pub const TextTable = struct {
    slots: []align(64) Slot,

    pub const empty: u32 = std.math.maxInt(u32);
    pub const none: TextTable = .{ .slots = &.{} };

    /// The token is kept here too: one cache miss less per look-up, and there are 450 thousand.
    const Slot = struct { token: Token, hash: u32, id: u32 };

    /// Empty, with room for `count` tokens.
    pub fn init(allocator: std.mem.Allocator, count: usize) errors.Error!TextTable {
        const slots = buffers.alloc(Slot, allocator, slotsFor(count)) catch
            return errors.outOfMemory("the vocabulary");
        @memset(slots, .{ .token = .none, .hash = 0, .id = empty });
        return .{ .slots = slots };
    }

    pub fn deinit(self: *TextTable, allocator: std.mem.Allocator) void {
        buffers.free(allocator, self.slots);
    }

    /// Null where no token is `text`, which has this hash.
    pub fn get(self: TextTable, pool: []const u8, text: []const u8, hash: u32) ?u32 {
        const slot = self.find(pool, text, hash);
        return if (slot.id == empty) null else slot.id;
    }

    /// Asks memory for the slot of a text with this hash, which is then found without waiting.
    pub fn fetch(self: TextTable, hash: u32) void {
        @prefetch(&self.slots[hash & (self.slots.len - 1)], .{});
    }

    /// Null after adding the token, which has this hash; or else the id that has the same text already.
    pub fn add(self: TextTable, pool: []const u8, token: Token, hash: u32, id: u32) ?u32 {
        const slot = self.find(pool, bytesOf(pool, token), hash);
        if (slot.id != empty) return slot.id;
        slot.* = .{ .token = token, .hash = hash, .id = id };
        return null;
    }

    /// The slot of `text`, or the empty one where it belongs.
    fn find(self: TextTable, pool: []const u8, text: []const u8, hash: u32) *Slot {
        const mask = self.slots.len - 1;
        var at = hash & mask;
        while (true) : (at = (at + 1) & mask) {
            const slot = &self.slots[at];
            if (slot.id == empty) return slot;
            if (slot.hash != hash) continue;
            if (std.mem.eql(u8, bytesOf(pool, slot.token), text)) return slot;
        }
    }

    pub fn hashOf(text: []const u8) u32 {
        return @truncate(std.hash.Wyhash.hash(0, text));
    }
};

/// A power of two that leaves at least a third of the slots empty.
fn slotsFor(count: usize) usize {
    return std.math.ceilPowerOfTwoAssert(usize, count + count / 2 + 2);
}

/// Writes the bytes that `text`, in the byte-level alphabet, stands for to `out`, which is at least
/// as long, and returns how many. Null where a character is not in the alphabet.
pub fn decodeAlphabet(text: []const u8, out: []u8) ?usize {
    assert(out.len >= text.len);
    var at: usize = 0;
    var count: usize = 0;
    while (at < text.len) : (count += 1) {
        var code_point: u16 = text[at];
        at += 1;
        if (code_point >= 0x80) {
            if (code_point & 0xe0 != 0xc0 or at == text.len) return null; // All are below U+0800.
            if (text[at] & 0xc0 != 0x80) return null;
            code_point = (code_point & 0x1f) << 6 | (text[at] & 0x3f);
            if (code_point < 0x80) return null;
            at += 1;
        }
        if (code_point >= alphabet.len) return null;
        out[count] = alphabet[code_point] orelse return null;
    }
    return count;
}

/// GPT-2's alphabet: printable Latin-1 is itself, the other bytes are U+0100 and on in their order.
const alphabet: [0x100 + 68]?u8 = letters: {
    var letters: [0x100 + 68]?u8 = @splat(null);
    var next: usize = 0x100;
    for (0..0x100) |byte| {
        const itself = switch (byte) {
            '!'...'~', 0xa1...0xac, 0xae...0xff => true,
            else => false,
        };
        letters[if (itself) byte else next] = byte;
        if (!itself) next += 1;
    }
    assert(next == letters.len);
    break :letters letters;
};

test "the byte-level alphabet has every byte once" {
    var seen: [256]bool = @splat(false);
    for (alphabet) |byte| {
        if (byte == null) continue;
        try std.testing.expect(!seen[byte.?]);
        seen[byte.?] = true;
    }
    try std.testing.expect(std.mem.indexOfScalar(bool, &seen, false) == null);

    var out: [16]u8 = undefined;
    try std.testing.expectEqual(3, decodeAlphabet("\u{120}a\u{10a}", &out));
    try std.testing.expectEqualStrings(" a\n", out[0..3]);
    const outside = [_][]const u8{
        " ", "a b", "\u{a0}", "\u{144}", "\u{4e2d}", "\xc3", "\xc3a", "\xc1\xa1",
    };
    for (outside) |text| {
        try std.testing.expectEqual(null, decodeAlphabet(text, &out));
    }
}

test "PairTable: finds what is in it and nothing else, at every fill" {
    const allocator = std.testing.allocator;
    for (0..40) |count| {
        var table: PairTable = try .init(allocator, count);
        defer table.deinit(allocator);
        for (0..count) |i| {
            const slot = table.find(@intCast(i / 7), @intCast(i % 7));
            try std.testing.expect(slot.isEmpty());
            slot.* = .of(.{
                .left = @intCast(i / 7),
                .right = @intCast(i % 7),
                .result = 1,
            }, @intCast(i));
        }
        for (0..count) |i| {
            try std.testing.expectEqual(i, table.get(@intCast(i / 7), @intCast(i % 7)).?.rank);
            try std.testing.expectEqual(null, table.get(@intCast(i % 7), @intCast(i / 7 + 7)));
        }
    }
}
