//! Products of many rows as tiles of bf16, where the kernel table multiplies those: activations packed once for all
//! the products they meet, and which matrices can take part.
//!
//! In: activations f32[rows][columns], matrices. Out: f32[rows][outputs]. Memory is the caller's.

const std = @import("std");
const kernels = @import("../kernels/kernels.zig");
const matrix = @import("matrix.zig");
const assert = std.debug.assert;
const Matrix = matrix.Matrix;
const Panels = matrix.Panels;

/// Activations as tiles (kernels/tile_product.zig).
pub const Activations = struct {
    rows: usize,
    columns: usize,
    nearest: [*]u16,
    /// Null where only packed weights meet them.
    rest: ?[*]u16,

    /// Values of bf16 that they take, with what is missing from the nearest.
    pub fn room(rows: usize, columns: usize, has_rest: bool) usize {
        return kernels.tileElements(rows, columns) * @as(usize, if (has_rest) 2 else 1);
    }

    pub fn in(memory: []align(64) u16, rows: usize, columns: usize, has_rest: bool) Activations {
        assert(memory.len >= room(rows, columns, has_rest));
        return .{
            .rows = rows,
            .columns = columns,
            .nearest = memory.ptr,
            .rest = if (has_rest) memory.ptr + kernels.tileElements(rows, columns) else null,
        };
    }

    /// Packs rows first..end, whole tiles but for the last; row `first` is x[0].
    pub fn pack(
        self: Activations,
        table: *const kernels.Table,
        x: [*]const f32,
        stride: usize,
        first: usize,
        end: usize,
    ) void {
        assert(first % kernels.tile_rows == 0 and end <= self.rows);
        assert(end == self.rows or end % kernels.tile_rows == 0);
        assert(end - first <= 1 or stride >= self.columns);
        var row = first;
        while (row < end) : (row += kernels.tile_rows) {
            const at = kernels.tileElements(row, self.columns);
            table.tile_pack(&.{
                .x = x + (row - first) * stride,
                .stride = stride,
                .rows = @min(kernels.tile_rows, end - row),
                .columns = self.columns,
                .to = self.nearest + at,
                .rest = if (self.rest) |rest| rest + at else null,
            });
        }
    }
};

/// Whether tiles can hold the weights: packed ones, and bf16 where the depth fills a tile.
pub fn takes(weight: Matrix) bool {
    return weight.panels != null or weight.dtype == .bf16 and weight.columns >= kernels.tile_depth;
}

/// Whether the weights are exact as tiles, so that activations should be as good.
pub fn needsRest(weight: Matrix) bool {
    return weight.panels == null;
}

/// Outputs of a task: whole pairs of panels, the more the less often activations are read.
pub fn taskOutputs(weight: Matrix) usize {
    return if (weight.rows >= 2048) 128 else 64;
}

/// out[row][n] = x[row] . weight[first + n] for n < count, on the calling thread. `first` begins a panel.
pub fn multiply(
    table: *const kernels.Table,
    x: Activations,
    weight: Matrix,
    first: usize,
    count: usize,
    out: [*]f32,
    out_stride: usize,
    scratch: []align(64) f32,
) void {
    assert(takes(weight) and x.columns == weight.columns);
    assert(first % kernels.tile_rows == 0 and count >= 1 and first + count <= weight.rows);
    assert(x.rows >= 1 and (x.rows == 1 or out_stride >= count));
    assert(x.rest != null or !needsRest(weight));
    assert(scratch.len * @sizeOf(f32) >= kernels.tiled_scratch);
    const panels = weight.panels;
    table.tile_gemm.?(&.{
        .weights = if (panels) |all| all.from(weight.columns, first) else weight.rowBytes(first),
        .kind = if (panels) |all| switch (all.bits) {
            .eight => .eight,
            .four => .four,
        } else .bf16,
        .x = x.nearest,
        .x_rest = x.rest,
        .out = out,
        .out_stride = out_stride,
        .scratch = @ptrCast(scratch.ptr),
        .rows = x.rows,
        .columns = weight.columns,
        .count = count,
    });
}

/// Whether the table multiplies tiles rightly: small integers, of which no sum is rounded, in all kinds of weights. The
/// shape has all that can go wrong with tiles: an odd panel, a few rows and columns too many for whole tiles, and a
/// depth that is cut in two. Takes less than a millisecond.
pub fn isRight(table: *const kernels.Table) bool {
    const check = std.heap.page_allocator.create(Check) catch return false;
    defer std.heap.page_allocator.destroy(check);
    check.fill();
    return check.passes(table, null) and check.passes(table, .eight) and check.passes(table, .four);
}

const Check = struct {
    const rows = 17;
    const columns = 544;
    const outputs = 33;
    const panels_count = Panels.count(outputs);
    comptime {
        assert(columns / kernels.tile_depth > kernels.tiled_chunk);
    }

    x: [rows][columns]f32,
    weights: [outputs][columns]u16,
    want: [rows][outputs]i32,
    panels: [panels_count * kernels.panelBytes(.eight, columns)]u8 align(64),
    tiles: [Activations.room(rows, columns, true)]u16 align(64),
    scratch: [kernels.tiled_scratch / @sizeOf(f32)]f32 align(64),
    out: [rows][outputs]f32,

    /// Numbers that weights of 8 and of 4 bits hold exactly, the greatest of them in every block.
    fn fill(self: *Check) void {
        const levels = [_]i32{ -127, 0, 50, -62, 12, 102, -11, 36 };
        var weights: [outputs][columns]i32 = undefined;
        for (&self.weights, &weights, 0..) |*line, *numbers, n| for (line, numbers, 0..) |*to, *number, k| {
            number.* = if (k % 32 == n % 32) -127 else levels[(k * 5 + n * 3 + k / 7) % levels.len];
            const wide: u32 = @bitCast(@as(f32, @floatFromInt(number.*)));
            to.* = @intCast(wide >> 16);
        };
        for (&self.x, &self.want, 0..) |*line, *sums, m| {
            var numbers: [columns]i32 = undefined;
            for (line, &numbers, 0..) |*to, *number, k| {
                number.* = @as(i32, @intCast((k * 7 + m * 11 + k / 5) % 17)) - 8;
                to.* = @floatFromInt(number.*);
            }
            const left: @Vector(columns, i32) = numbers;
            for (sums, weights) |*sum, right| sum.* = @reduce(.Add, left * @as(@Vector(columns, i32), right));
        }
    }

    fn passes(self: *Check, table: *const kernels.Table, bits: ?kernels.Bits) bool {
        var weight: Matrix = .{
            .rows = outputs,
            .columns = columns,
            .dtype = .bf16,
            .bytes = @ptrCast(&self.weights),
        };
        if (bits) |packed_bits| {
            for (0..panels_count) |panel| {
                const first = panel * kernels.int8_panel_rows;
                const to = &self.panels[panel * kernels.panelBytes(packed_bits, columns)];
                const count = @min(kernels.int8_panel_rows, outputs - first);
                table.pack_panel(packed_bits, .bf16, weight.rowBytes(first), count, columns, @ptrCast(to));
            }
            weight.panels = .{ .bits = packed_bits, .bytes = &self.panels };
        }
        const x: Activations = .in(&self.tiles, rows, columns, needsRest(weight));
        x.pack(table, @ptrCast(&self.x), columns, 0, rows);
        @memset(@as([*]f32, @ptrCast(&self.out))[0 .. rows * outputs], 0);
        multiply(table, x, weight, 0, outputs, @ptrCast(&self.out), outputs, &self.scratch);
        for (self.out, self.want) |got, want| for (got, want) |value, sum| {
            if (value != @as(f32, @floatFromInt(sum))) return false;
        };
        return true;
    }
};
