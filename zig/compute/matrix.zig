//! A matrix of weights as products take it: row-major [rows][columns] at the file's own precision, and
//! beside that, where the model was opened with one, the same matrix packed at 8 or 4 bits.
//!
//! Both borrow their bytes, from the mapped checkpoint and from the packed cache. Nothing is allocated.

const std = @import("std");
const kernels = @import("../kernels/kernels.zig");
const assert = std.debug.assert;

pub const Matrix = struct {
    rows: u32, // Outputs.
    columns: u32, // Inputs; of a convolution channels * 9, kernel row by row.
    dtype: kernels.Dtype,
    bytes: [*]const u8, // rows * columns elements, aligned to one element.
    /// The same at fewer bits, where the precision asks for it; products use them then.
    panels: ?Panels = null,

    pub fn byteCount(self: Matrix) usize {
        return @as(usize, self.rows) * self.columns * self.dtype.size();
    }

    /// The bytes from row `row` on.
    pub fn rowBytes(self: Matrix, row: usize) [*]const u8 {
        assert(row < self.rows);
        return self.bytes + row * self.columns * self.dtype.size();
    }
};

/// A matrix packed sixteen rows at a time (kernels/quantized.zig).
pub const Panels = struct {
    bits: kernels.Bits,
    bytes: [*]align(64) const u8,

    /// The panel that holds weight row `first`, a multiple of 16, of a matrix this wide.
    pub fn from(self: Panels, columns: usize, first: usize) [*]const u8 {
        assert(first % kernels.int8_panel_rows == 0);
        assert(columns % kernels.int8_block == 0);
        return self.bytes + first / kernels.int8_panel_rows * kernels.panelBytes(self.bits, columns);
    }

    /// How many panels hold this many rows; the last may have fewer than 16.
    pub fn count(rows: usize) usize {
        return (rows + kernels.int8_panel_rows - 1) / kernels.int8_panel_rows;
    }
};

test "rows and panels are found by their number" {
    const bytes: [2 * 64 * 16]u8 align(64) = @splat(0);
    const matrix: Matrix = .{ .rows = 2, .columns = 64, .dtype = .bf16, .bytes = &bytes };
    try std.testing.expectEqual(@as(usize, 256), matrix.byteCount());
    try std.testing.expectEqual(@intFromPtr(&bytes) + 128, @intFromPtr(matrix.rowBytes(1)));
    const panels: Panels = .{ .bits = .eight, .bytes = &bytes };
    const panel_bytes = kernels.panelBytes(.eight, 32);
    try std.testing.expectEqual(@intFromPtr(&bytes) + panel_bytes, @intFromPtr(panels.from(32, 16)));
    try std.testing.expectEqual(@as(usize, 2), Panels.count(17));
}
