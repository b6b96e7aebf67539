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
