//! Products of the small networks in f32, or with both sides at 8 bits (kernels/quantized.zig): weights once when the
//! network is opened, activations wherever they become the rows of a product.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const compute = @import("../compute/compute.zig");
const kernels = @import("../kernels/kernels.zig");
const matrix = @import("../compute/matrix.zig");
const packed_ = @import("packed.zig");
const assert = std.debug.assert;
const Packed = packed_.Packed;
const Rounded = compute.Rounded;
const block = kernels.int8_block;
pub const panel_rows = kernels.int8_panel_rows;

pub const Precision = enum { f32, int8 };

/// Activations as a product takes them. Memory is the caller's.
pub const Rows = union(Precision) {
    f32: [*]align(4) f32,
    int8: Rounded,

    /// Zeros, in an arena: so many activations, whole blocks.
    pub fn init(
        arena: std.mem.Allocator,
        table: *const kernels.Table,
        precision: Precision,
        count: usize,
    ) error{OutOfMemory}!Rows {
        assert(count % block == 0);
        const each = table.int8_activation_bytes;
        const bytes = if (precision == .f32) count * @sizeOf(f32) else Rounded.room(count, each);
        const memory = try buffers.alloc(u8, arena, bytes);
        @memset(memory, 0);
        return switch (precision) {
            .f32 => .{ .f32 = @ptrCast(@alignCast(memory.ptr)) },
            .int8 => .{ .int8 = .in(memory.ptr, count, each) },
        };
    }

    /// From an activation on; at 8 bits the first of a block.
    pub fn from(self: Rows, at: usize) Rows {
        return switch (self) {
            .f32 => |values| .{ .f32 = values + at },
            .int8 => |rounded| {
                assert(at % block == 0);
                return .{ .int8 = rounded.from(at) };
            },
        };
    }

    /// Takes what these values are.
    pub fn put(self: Rows, table: *const kernels.Table, values: []const f32) void {
        assert(values.len % block == 0);
        switch (self) {
            .f32 => |to| @memcpy(to, values),
            .int8 => |to| table.int8_quantize(values.ptr, values.len, to.bytes, to.scales, to.starts),
        }
    }
};

/// A matrix [rows][depth] that rows of activations are multiplied with.
pub const Weight = struct {
    rows: usize,
    depth: usize,
    values: union(Precision) { f32: Packed, int8: []align(64) u8 },

    /// Of `values` f32[rows][depth], which may be freed afterwards. At 8 bits the depth is whole blocks.
    pub fn init(
        arena: std.mem.Allocator,
        table: *const kernels.Table,
        precision: Precision,
        values: []const f32,
        rows: usize,
        depth: usize,
    ) error{OutOfMemory}!Weight {
        assert(values.len == rows * depth);
        if (precision == .f32) {
            const own: Packed = try .init(arena, table, values, rows, depth);
            return .{ .rows = rows, .depth = depth, .values = .{ .f32 = own } };
        }
        const own: Weight = try .forPanels(arena, rows, depth);
        for (0..matrix.Panels.count(rows)) |panel| {
            own.pack(table, panel, .f32, std.mem.sliceAsBytes(values[panel * panel_rows * depth ..]).ptr);
        }
        return own;
    }

    /// At 8 bits, before its panels are packed.
    pub fn forPanels(arena: std.mem.Allocator, rows: usize, depth: usize) error{OutOfMemory}!Weight {
        assert(depth % block == 0);
        const bytes = matrix.Panels.count(rows) * kernels.panelBytes(.eight, depth);
        return .{ .rows = rows, .depth = depth, .values = .{ .int8 = try buffers.alloc(u8, arena, bytes) } };
    }

    /// Packs the rows of one panel: of `dtype`, one after the other.
    pub fn pack(
        self: Weight,
        table: *const kernels.Table,
        panel: usize,
        dtype: kernels.Dtype,
        from: [*]const u8,
    ) void {
        const rows = self.rowsOf(panel);
        const to = self.values.int8[panel * kernels.panelBytes(.eight, self.depth) ..];
        table.pack_panel(.eight, dtype, from, rows, self.depth, to.ptr);
    }

    /// Rows of a panel: the last may have fewer.
    pub fn rowsOf(self: Weight, panel: usize) usize {
        return @min(panel_rows, self.rows - panel * panel_rows);
    }

    /// out[i][n] = row i of x . row n, added to what is there or in its place. Rows of `x` begin `x_stride` activations
    /// apart, and may overlap.
    pub fn times(
        self: Weight,
        table: *const kernels.Table,
        count: usize,
        x: Rows,
        x_stride: usize,
        out: [*]f32,
        out_stride: usize,
        add: bool,
    ) void {
        assert(out_stride >= self.rows or count <= 1);
        switch (self.values) {
            .f32 => |own| own.multiply(table, count, x.f32, x_stride, out, out_stride, add),
            .int8 => |panels| {
                assert(x_stride % block == 0);
                table.int8_gemm(&.{
                    .bits = .eight,
                    .weights = panels.ptr,
                    .x = x.int8.bytes,
                    .scales = x.int8.scales,
                    .starts = x.int8.starts,
                    .x_stride = x_stride,
                    .add = add,
                    .out = out,
                    .out_stride = out_stride,
                    .rows = count,
                    .columns = self.depth,
                    .panels = matrix.Panels.count(self.rows),
                    .rows_valid = self.rows,
                });
            },
        }
    }
};

const testing = std.testing;

/// For tests: of every instruction set that this processor has.
pub fn forEachTable(comptime check: fn (std.mem.Allocator, *const kernels.Table) anyerror!void) !void {
    const cpu = @import("../compute/cpu.zig");
    var found = cpu.detect().iterator();
    while (found.next()) |isa| {
        var arena: std.heap.ArenaAllocator = .init(testing.allocator);
        defer arena.deinit();
        check(arena.allocator(), cpu.table(isa)) catch |reason| {
            std.debug.print("with {t}\n", .{isa});
            return reason;
        };
    }
}

/// Small integers: at 8 bits they are exact wherever a block's greatest is 127.
fn fill(values: []f32, seed: u64) void {
    var prng: std.Random.DefaultPrng = .init(seed);
    for (values, 0..) |*value, i| {
        value.* = if (i % block == 0) 127 else @floatFromInt(prng.random().intRangeAtMost(i32, -127, 127));
    }
}

test "products at 8 bits of rows that overlap are those in f32, and are added" {
    try forEachTable(struct {
        const depth = 3 * block;
        const outputs = 33; // Two panels and one row.
        const most = 23;

        fn check(arena: std.mem.Allocator, table: *const kernels.Table) !void {
            const matrix_values = try arena.alloc(f32, outputs * depth);
            const activations = try arena.alloc(f32, (most + 2) * block);
            fill(matrix_values, 1);
            fill(activations, 2);
            for ([_]usize{ 1, 2, 8, 9, most }) |count| for ([_]bool{ false, true }) |add| {
                var out: [2][most * (outputs + 1)]f32 = @splat(@splat(1000));
                for ([_]Precision{ .f32, .int8 }, &out) |precision, *to| {
                    const weight: Weight = try .init(arena, table, precision, matrix_values, outputs, depth);
                    const rows: Rows = try .init(arena, table, precision, activations.len);
                    rows.put(table, activations);
                    weight.times(table, count, rows, block, to, outputs + 1, add);
                }
                // Sums of 96 products below 2^14; a weight's scale, 1, is stored exactly.
                for (out[0], out[1]) |want, got| try testing.expectApproxEqAbs(want, got, 1);
            };
        }
    }.check);
}

test "rows are found by their place" {
    try forEachTable(struct {
        fn check(arena: std.mem.Allocator, table: *const kernels.Table) !void {
            var values: [3 * block]f32 = undefined;
            fill(&values, 3);
            const ones = try arena.alloc(f32, block);
            @memset(ones, 1);
            for ([_]Precision{ .f32, .int8 }) |precision| {
                const rows: Rows = try .init(arena, table, precision, 4 * block); // The last of them is zeros.
                rows.put(table, &values);
                rows.from(block).put(table, values[2 * block ..]);
                const sum: Weight = try .init(arena, table, precision, ones, 1, block);
                var out: [3]f32 = undefined;
                sum.times(table, out.len, rows.from(block), block, &out, 1, false);
                for ([_]?usize{ 2, 2, null }, out) |place, got| {
                    var want: f32 = 0;
                    if (place) |at| for (values[at * block ..][0..block]) |value| {
                        want += value;
                    };
                    try testing.expectApproxEqAbs(want, got, 1);
                }
            }
        }
    }.check);
}
