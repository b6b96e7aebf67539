//! A matrix of f32 packed once, for products of many rows of activations on the calling thread: what the small networks
//! beside the model, voice detector and speakers, are made of.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const kernels = @import("../kernels/kernels.zig");
const assert = std.debug.assert;
const page_keys = kernels.page_keys;

/// Panels f32[depth][page_keys], one for every page_keys rows of the matrix.
pub const Packed = struct {
    panels: []align(64) const f32,
    rows: usize,
    depth: usize,

    /// Of `matrix` f32[rows][depth], which may be freed afterwards.
    pub fn init(
        allocator: std.mem.Allocator,
        table: *const kernels.Table,
        matrix: []const f32,
        rows: usize,
        depth: usize,
    ) error{OutOfMemory}!Packed {
        assert(rows > 0 and depth > 0 and matrix.len == rows * depth);
        const panels = try buffers.alloc(f32, allocator, std.mem.alignForward(usize, rows, page_keys) * depth);
        var n: usize = 0;
        while (n < rows) : (n += page_keys) {
            const bytes = std.mem.sliceAsBytes(matrix[n * depth ..]);
            table.pack(.f32, bytes.ptr, depth, @min(page_keys, rows - n), depth, panels.ptr + n * depth);
        }
        return .{ .panels = panels, .rows = rows, .depth = depth };
    }

    /// out[i][n] = a[i] . row n, for `count` rows of `a`.
    pub fn times(
        self: Packed,
        table: *const kernels.Table,
        count: usize,
        a: [*]const f32,
        a_stride: usize,
        out: [*]f32,
        out_stride: usize,
    ) void {
        self.multiply(table, count, a, a_stride, out, out_stride, false);
    }

    /// The same, added to what is in `out` or in its place.
    pub fn multiply(
        self: Packed,
        table: *const kernels.Table,
        count: usize,
        a: [*]const f32,
        a_stride: usize,
        out: [*]f32,
        out_stride: usize,
        add: bool,
    ) void {
        assert(out_stride >= self.rows or count <= 1);
        var n: usize = 0;
        while (n < self.rows) : (n += page_keys) table.gemm(&.{
            .a = a,
            .a_stride = a_stride,
            .panel = self.panels.ptr + n * self.depth,
            .out = out + n,
            .out_stride = out_stride,
            .rows = count,
            .depth = self.depth,
            .columns = @min(page_keys, self.rows - n),
            .add = add,
        });
    }
};

test "a packed matrix multiplies as it is written, and adds" {
    const cpu = @import("../compute/cpu.zig");
    const gpa = std.testing.allocator;
    const table = (try cpu.choose()).table();
    var matrix: [70 * 3]f32 = undefined;
    for (&matrix, 0..) |*value, i| value.* = @floatFromInt(i % 11);
    const own: Packed = try .init(gpa, table, &matrix, 70, 3);
    defer buffers.free(gpa, own.panels);
    const a = [_]f32{ 1, 2, 3, 4 }; // Two rows that share two elements.
    var out: [2 * 70]f32 = undefined;
    own.times(table, 2, &a, 1, &out, 70);
    own.multiply(table, 2, &a, 1, &out, 70, true);
    for (0..2) |row| for (0..70) |n| {
        var sum: f32 = 0;
        for (matrix[n * 3 ..][0..3], a[row..][0..3]) |w, x| sum += 2 * w * x;
        try std.testing.expectEqual(sum, out[row * 70 + n]);
    };
}
