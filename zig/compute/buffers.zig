//! Large buffers that are written before they are read. In safe builds the standard library fills what it
//! hands out and takes back with a pattern: that touches every page, also those that are never used.

const builtin = @import("builtin");
const std = @import("std");
const assert = std.debug.assert;

const line: std.mem.Alignment = .@"64";

/// `count` values that hold anything, at the start of a cache line. Freed with `free` below.
pub fn alloc(comptime T: type, allocator: std.mem.Allocator, count: usize) error{OutOfMemory}![]align(64) T {
    if (count == 0) return &.{};
    const bytes = std.math.mul(usize, count, @sizeOf(T)) catch return error.OutOfMemory;
    const memory = allocator.rawAlloc(bytes, line, @returnAddress()) orelse return error.OutOfMemory;
    assert(line.check(@intFromPtr(memory)));
    const values: [*]align(64) T = @ptrCast(@alignCast(memory));
    return values[0..count];
}

pub fn free(allocator: std.mem.Allocator, values: anytype) void {
    comptime assert(@typeInfo(@TypeOf(values)).pointer.alignment == 64);
    if (values.len == 0) return;
    const bytes: []u8 = @ptrCast(@constCast(values));
    allocator.rawFree(bytes, line, @returnAddress());
}

/// Gives freed memory back to the system. glibc keeps what is freed below a threshold that grows with use, in every
/// thread's arena, so a closed model would stay resident. Others need no telling.
pub fn trim() void {
    if (comptime builtin.target.isGnuLibC() and builtin.link_libc) _ = malloc_trim(0);
}

extern fn malloc_trim(keep: usize) c_int;

/// Hands out what another allocator has, of large pages from their size on, where Linux lends them to those who ask.
/// Touching new memory then takes a seventh of the time: a fault for 2 MB, not for 4 KB. What is used of it should be
/// most of it, as the rest of a large page is resident, too.
pub const LargePages = struct {
    child: std.mem.Allocator,

    const page: std.mem.Alignment = .fromByteUnits(1 << 21);

    pub fn allocator(self: *LargePages) std.mem.Allocator {
        return .{ .ptr = self, .vtable = &.{
            .alloc = take,
            .resize = std.mem.Allocator.noResize,
            .remap = std.mem.Allocator.noRemap,
            .free = give,
        } };
    }

    fn alignmentOf(length: usize, least: std.mem.Alignment) std.mem.Alignment {
        return if (length < page.toByteUnits()) least else least.max(page);
    }

    fn take(context: *anyopaque, length: usize, least: std.mem.Alignment, address: usize) ?[*]u8 {
        const self: *LargePages = @ptrCast(@alignCast(context));
        const memory = self.child.rawAlloc(length, alignmentOf(length, least), address) orelse return null;
        const whole = page.backward(length);
        if (builtin.os.tag == .linux and whole > 0) {
            _ = std.os.linux.madvise(memory, whole, std.os.linux.MADV.HUGEPAGE); // Without them it is slower.
        }
        return memory;
    }

    fn give(context: *anyopaque, memory: []u8, least: std.mem.Alignment, address: usize) void {
        const self: *LargePages = @ptrCast(@alignCast(context));
        self.child.rawFree(memory, alignmentOf(memory.len, least), address);
    }
};

test "large pages are handed out and given back, whatever the size" {
    var pages: LargePages = .{ .child = std.testing.allocator };
    var arena: std.heap.ArenaAllocator = .init(pages.allocator());
    defer arena.deinit();
    for ([_]usize{ 1, 1000, (1 << 21) - 1, 1 << 21, 5 << 20 }) |count| {
        const own = try alloc(u8, pages.allocator(), count);
        defer free(pages.allocator(), own);
        own[0], own[count - 1] = .{ 1, 2 };
        const other = try alloc(u8, arena.allocator(), count);
        other[0], other[count - 1] = .{ 3, 4 };
        try std.testing.expectEqual(2, own[count - 1]);
    }
}

test "a buffer is aligned, of its size, and given back" {
    const values = try alloc(f32, std.testing.allocator, 1000);
    defer free(std.testing.allocator, values);
    try std.testing.expectEqual(@as(usize, 0), @intFromPtr(values.ptr) % 64);
    for (values, 0..) |*value, i| value.* = @floatFromInt(i);
    try std.testing.expectEqual(@as(f32, 999), values[999]);
    free(std.testing.allocator, try alloc(u8, std.testing.allocator, 0));
}

test "more than there can be is refused" {
    try std.testing.expectError(error.OutOfMemory, alloc(f32, std.testing.allocator, std.math.maxInt(usize)));
}
