//! The format of a cache file: packed weights as named items, and who they were made from.
//!
//! In: items with names and sizes, a key. Out: the bytes of a header, or a header checked in every
//! field. Pure: nothing here opens a file. All numbers are little-endian.
//!
//!     0  "QASRPACK"             60  u32 bytes of the layout's name
//!     8  u32 version, 2         64  u32 bytes of the model's label
//!    12  u32 header bytes       68  u32 zero
//!    16  u64 file bytes         72  u64 checksum of the header, taken with zero here
//!    24  u8[32] key             80  u64 zero
//!    56  u32 items              88  u64 zero
//!    96  per item: u64 offset, u64 bytes, u64 checksum, u32 bytes of its name,
//!        u32 bytes of its chunks
//!        the layout's name, the model's label, all items' names
//!
//! Then the items in order of the table. The first starts at the next multiple of 16384 (the
//! largest page of the systems supported), each following one at a multiple of 64. The gaps are
//! zero, the file ends with the last item.
//!
//! A checksum is a chain over chunks: sum = 0, then for every chunk sum = XXH3(sum, XXH3(chunk)).
//! Chunks can so be made, hashed and read back by many threads. Only an item's last may be shorter;
//! those of the header have 256 KiB.

const std = @import("std");
const builtin = @import("builtin");
const assert = std.debug.assert;

const Allocator = std.mem.Allocator;
const XxHash3 = std.hash.XxHash3;

pub const magic = "QASRPACK";
pub const version: u32 = 2;
pub const first_alignment = 16384;
pub const item_alignment = 64;
/// Small enough to stay in a core's own cache from packing to writing.
pub const chunk_bytes = 1 << 18;
/// Buffers have a chunk's size: a damaged one must not make anyone allocate gigabytes.
pub const chunk_bytes_max = 1 << 24;
pub const fixed_bytes = 96;
pub const entry_bytes = 32;
/// A real header has some 50 kB; a damaged length must not make anyone allocate gigabytes.
pub const header_bytes_max = 16 << 20;
/// Longer texts are cut: they are for people.
pub const text_bytes_max = 4096;

comptime {
    assert(builtin.cpu.arch.endian() == .little); // Items are used in place.
    assert(first_alignment % item_alignment == 0);
}

/// Identifies what the packed weights were made from, and how.
pub const Key = [32]u8;

/// One piece of packed weights. Zero bytes are allowed. It can be made in parts of whole units.
pub const Item = struct {
    name: []const u8,
    bytes: u64,
    unit: u32 = 1,

    /// As many units as fit `chunk_bytes`, one at least.
    pub fn chunkBytes(self: Item) u32 {
        return @max(1, chunk_bytes / self.unit) * self.unit;
    }
};

/// For people: which precision and arrangement ("int8/vnni/1"), and which model (its folder).
pub const Label = struct { layout: []const u8, model: []const u8 };

/// Where everything lies in a file to be written.
pub const Plan = struct {
    header_bytes: u32,
    file_bytes: u64,
    offsets: []u64,
    largest_chunk: u32,

    /// Null where the numbers do not fit a file. `offsets` is the caller's to free.
    pub fn make(allocator: Allocator, label: Label, items: []const Item) Allocator.Error!?Plan {
        var header: u64 = fixed_bytes + items.len * entry_bytes;
        header += cut(label.layout).len + cut(label.model).len;
        for (items) |entry| header += entry.name.len;
        if (header > header_bytes_max) return null;

        const offsets = try allocator.alloc(u64, items.len);
        errdefer allocator.free(offsets);
        var at: u64 = std.mem.alignForward(u64, header, first_alignment);
        var largest: u32 = 0;
        for (items, offsets) |entry, *offset| {
            offset.* = std.mem.alignForward(u64, at, item_alignment);
            assert(offset.* >= header and offset.* >= at);
            at = std.math.add(u64, offset.*, entry.bytes) catch std.math.maxInt(u64);
            largest = @max(largest, @min(entry.unit, chunk_bytes_max + 1));
            if (largest > chunk_bytes_max or at > std.math.maxInt(i64) - item_alignment) {
                allocator.free(offsets);
                return null;
            }
        }
        return .{
            .header_bytes = @intCast(header),
            .file_bytes = at,
            .offsets = offsets,
            .largest_chunk = @max(largest, chunk_bytes),
        };
    }
};

/// The header of `plan`; owned by the caller.
pub fn encode(
    allocator: Allocator,
    key: Key,
    label: Label,
    items: []const Item,
    plan: Plan,
    checksums: []const u64,
) Allocator.Error![]u8 {
    assert(items.len == plan.offsets.len and items.len == checksums.len);
    const bytes = try allocator.alloc(u8, plan.header_bytes);
    @memset(bytes, 0);
    @memcpy(bytes[0..8], magic);
    put(u32, bytes, 8, version);
    put(u32, bytes, 12, plan.header_bytes);
    put(u64, bytes, 16, plan.file_bytes);
    @memcpy(bytes[24..56], &key);
    put(u32, bytes, 56, @intCast(items.len));
    put(u32, bytes, 60, @intCast(cut(label.layout).len));
    put(u32, bytes, 64, @intCast(cut(label.model).len));
    var text: usize = fixed_bytes + items.len * entry_bytes;
    for ([_][]const u8{ cut(label.layout), cut(label.model) }) |part| {
        @memcpy(bytes[text..][0..part.len], part);
        text += part.len;
    }
    for (items, plan.offsets, checksums, 0..) |entry, offset, sum, index| {
        const at = fixed_bytes + index * entry_bytes;
        put(u64, bytes, at, offset);
        put(u64, bytes, at + 8, entry.bytes);
        put(u64, bytes, at + 16, sum);
        put(u32, bytes, at + 24, @intCast(entry.name.len));
        put(u32, bytes, at + 28, entry.chunkBytes());
        @memcpy(bytes[text..][0..entry.name.len], entry.name);
        text += entry.name.len;
    }
    assert(text == bytes.len);
    put(u64, bytes, 72, checksum(bytes));
    return bytes;
}

/// A header that was found sound: every item lies in the file, aligned, behind the one before.
pub const Header = struct {
    bytes: []const u8,
    key: Key,
    file_bytes: u64,
    items_count: u32,
    label: Label,

    /// How long the header says it is; null where it cannot be one. Wants `fixed_bytes` at least.
    pub fn length(bytes: []const u8) ?u32 {
        if (bytes.len < fixed_bytes or !std.mem.eql(u8, bytes[0..8], magic)) return null;
        const count = get(u32, bytes, 12);
        const plausible = count >= fixed_bytes and count <= header_bytes_max;
        return if (plausible and get(u32, bytes, 8) == version) count else null;
    }

    /// The version a header is of, from its first 12 bytes; those of every version have it there.
    pub fn versionOf(bytes: []const u8) u32 {
        return get(u32, bytes, 8);
    }

    /// How long the header says its file is. Wants `fixed_bytes` at least.
    pub fn fileBytes(bytes: []const u8) u64 {
        return get(u64, bytes, 16);
    }

    /// Null for anything but a whole, undamaged header of a file that has `file_bytes`.
    /// `bytes` is borrowed, and written to for a moment.
    pub fn parse(bytes: []u8, file_bytes: u64) ?Header {
        const count = length(bytes) orelse return null;
        if (count != bytes.len or get(u64, bytes, 16) != file_bytes) return null;
        const sum = get(u64, bytes, 72);
        put(u64, bytes, 72, 0);
        const found = checksum(bytes);
        put(u64, bytes, 72, sum);
        if (found != sum) return null;

        const items_count = get(u32, bytes, 56);
        const table_end = fixed_bytes + @as(u64, items_count) * entry_bytes;
        const layout_end = table_end + get(u32, bytes, 60);
        const model_end = layout_end + get(u32, bytes, 64);
        if (model_end > bytes.len) return null;
        const header: Header = .{
            .bytes = bytes,
            .key = bytes[24..56].*,
            .file_bytes = file_bytes,
            .items_count = items_count,
            .label = .{
                .layout = bytes[@intCast(table_end)..@intCast(layout_end)],
                .model = bytes[@intCast(layout_end)..@intCast(model_end)],
            },
        };
        return if (header.tableIsSound(model_end)) header else null;
    }

    fn tableIsSound(self: *const Header, names_start: u64) bool {
        var free: u64 = std.mem.alignForward(u64, self.bytes.len, first_alignment);
        var names_end = names_start;
        for (0..self.items_count) |index| {
            const at = fixed_bytes + index * entry_bytes;
            const offset = get(u64, self.bytes, at);
            const bytes = get(u64, self.bytes, at + 8);
            names_end += get(u32, self.bytes, at + 24);
            const chunk = get(u32, self.bytes, at + 28);
            if (chunk == 0 or chunk > chunk_bytes_max) return false;
            if (offset < free or offset % item_alignment != 0) return false;
            if (offset > self.file_bytes or bytes > self.file_bytes - offset) return false;
            free = offset + bytes;
        }
        return names_end == self.bytes.len and free == self.file_bytes;
    }

    pub const Entry = struct { name: []const u8, offset: u64, bytes: u64, checksum: u64, chunk: u32 };

    /// The items in order.
    pub fn entries(self: *const Header) Iterator {
        const texts = self.label.layout.len + self.label.model.len;
        const names = fixed_bytes + self.items_count * entry_bytes + texts;
        return .{ .header = self, .name_at = names };
    }

    pub const Iterator = struct {
        header: *const Header,
        index: usize = 0,
        name_at: usize,

        pub fn next(self: *Iterator) ?Entry {
            if (self.index == self.header.items_count) return null;
            const bytes = self.header.bytes;
            const at = fixed_bytes + self.index * entry_bytes;
            const name = bytes[self.name_at..][0..get(u32, bytes, at + 24)];
            self.index += 1;
            self.name_at += name.len;
            assert(self.name_at <= bytes.len);
            return .{
                .name = name,
                .offset = get(u64, bytes, at),
                .bytes = get(u64, bytes, at + 8),
                .checksum = get(u64, bytes, at + 16),
                .chunk = get(u32, bytes, at + 28),
            };
        }
    };
};

/// The checksum of a header.
fn checksum(bytes: []const u8) u64 {
    var sum: u64 = 0;
    var rest = bytes;
    while (rest.len > 0) {
        const chunk = rest[0..@min(rest.len, chunk_bytes)];
        sum = chain(sum, hashOf(chunk));
        rest = rest[chunk.len..];
    }
    return sum;
}

pub fn hashOf(chunk: []const u8) u64 {
    return XxHash3.hash(0, chunk);
}

/// The checksum so far, and the hash of one more chunk.
pub fn chain(sum: u64, hash: u64) u64 {
    const pair = [2]u64{ sum, hash };
    return XxHash3.hash(0, std.mem.asBytes(&pair));
}

fn cut(text: []const u8) []const u8 {
    return text[0..@min(text.len, text_bytes_max)];
}

fn get(comptime T: type, bytes: []const u8, at: usize) T {
    return std.mem.readInt(T, bytes[at..][0..@sizeOf(T)], .little);
}

fn put(comptime T: type, bytes: []u8, at: usize, value: T) void {
    std.mem.writeInt(T, bytes[at..][0..@sizeOf(T)], value, .little);
}

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

const test_items = [_]Item{
    .{ .name = "first", .bytes = 100 },
    .{ .name = "none", .bytes = 0 },
    .{ .name = "last", .bytes = 3 },
};
const test_label: Label = .{ .layout = "int8/generic/1", .model = "a model" };

test "a header comes back as it was written" {
    const plan = (try Plan.make(testing.allocator, test_label, &test_items)).?;
    defer testing.allocator.free(plan.offsets);
    const key: Key = @splat(7);
    const bytes =
        try encode(testing.allocator, key, test_label, &test_items, plan, &.{ 11, 0, 33 });
    defer testing.allocator.free(bytes);
    const header = Header.parse(bytes, plan.file_bytes).?;
    try testing.expectEqual(key, header.key);
    try testing.expectEqualStrings("int8/generic/1", header.label.layout);
    try testing.expectEqualStrings("a model", header.label.model);
    var entries = header.entries();
    for (test_items, [_]u64{ 16384, 16512, 16512 }, [_]u64{ 11, 0, 33 }) |want, offset, sum| {
        const entry = entries.next().?;
        try testing.expectEqualStrings(want.name, entry.name);
        try testing.expectEqual(want.bytes, entry.bytes);
        try testing.expectEqual(offset, entry.offset);
        try testing.expectEqual(sum, entry.checksum);
    }
    try testing.expectEqual(null, entries.next());
    try testing.expectEqual(@as(u64, 16515), plan.file_bytes);
}

test "every damaged byte and every other length of a header is noticed" {
    const plan = (try Plan.make(testing.allocator, test_label, &test_items)).?;
    defer testing.allocator.free(plan.offsets);
    const bytes =
        try encode(testing.allocator, @splat(7), test_label, &test_items, plan, &.{ 1, 2, 3 });
    defer testing.allocator.free(bytes);
    for (bytes) |*byte| {
        byte.* ^= 0x10;
        try testing.expectEqual(null, Header.parse(bytes, plan.file_bytes));
        byte.* ^= 0x10;
    }
    for (0..bytes.len) |count| {
        try testing.expectEqual(null, Header.parse(bytes[0..count], plan.file_bytes));
    }
    try testing.expectEqual(null, Header.parse(bytes, plan.file_bytes - 1));
    try testing.expect(Header.parse(bytes, plan.file_bytes) != null);
}

test "a table that lies under a right checksum is refused" {
    const plan = (try Plan.make(testing.allocator, test_label, &test_items)).?;
    defer testing.allocator.free(plan.offsets);
    const Lie = struct { at: usize, value: u32 };
    const lies = [_]Lie{
        .{ .at = 56, .value = 4 }, // One item more than there are.
        .{ .at = 56, .value = std.math.maxInt(u32) },
        .{ .at = 60, .value = std.math.maxInt(u32) },
        .{ .at = 64, .value = 6 },
        .{ .at = fixed_bytes, .value = 16384 + 32 }, // Not aligned.
        .{ .at = fixed_bytes, .value = 64 }, // Inside the header.
        .{ .at = fixed_bytes + 4, .value = 0xffff_ffff }, // Far behind the end.
        .{ .at = fixed_bytes + 8, .value = 132 }, // Into the next item.
        .{ .at = fixed_bytes + 12, .value = 0xffff_ffff }, // The sum overflows.
        .{ .at = fixed_bytes + 24, .value = 4000 },
        .{ .at = fixed_bytes + 28, .value = 0 },
        .{ .at = fixed_bytes + 28, .value = chunk_bytes_max + 1 },
        .{ .at = fixed_bytes + 2 * entry_bytes + 8, .value = 4 }, // Past the end.
    };
    for (lies) |lie| {
        const bytes =
            try encode(testing.allocator, @splat(7), test_label, &test_items, plan, &.{ 1, 2, 3 });
        defer testing.allocator.free(bytes);
        put(u32, bytes, lie.at, lie.value);
        put(u64, bytes, 72, 0);
        put(u64, bytes, 72, checksum(bytes));
        try testing.expectEqual(null, Header.parse(bytes, plan.file_bytes));
    }
}

test "sizes that no file can have make no plan" {
    const huge = [_]Item{.{ .name = "a", .bytes = std.math.maxInt(u64) }};
    try testing.expectEqual(null, try Plan.make(testing.allocator, test_label, &huge));
    const wide = [_]Item{.{ .name = "a", .bytes = 1, .unit = chunk_bytes_max + 1 }};
    try testing.expectEqual(null, try Plan.make(testing.allocator, test_label, &wide));
    const two = [_]Item{.{ .name = "a", .bytes = std.math.maxInt(i64) - 70 }} ** 2;
    try testing.expectEqual(null, try Plan.make(testing.allocator, test_label, &two));
}

test "a checksum taken in chunks is the checksum of the whole" {
    const bytes = try testing.allocator.alloc(u8, 2 * chunk_bytes + 17);
    defer testing.allocator.free(bytes);
    for (bytes, 0..) |*byte, index| byte.* = @truncate(index * 7 + index / 256);
    const first = chain(0, hashOf(bytes[0..chunk_bytes]));
    const second = chain(first, hashOf(bytes[chunk_bytes..][0..chunk_bytes]));
    try testing.expectEqual(checksum(bytes), chain(second, hashOf(bytes[2 * chunk_bytes ..])));
    try testing.expectEqual(@as(u64, 0), checksum(""));
}
