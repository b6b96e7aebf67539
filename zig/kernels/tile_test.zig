//! Tiles in plain Zig: single instructions against their description, and products of every instruction set this
//! processor has against plain f64 arithmetic; where there is AMX, its products too.

const std = @import("std");
const cpu = @import("../compute/cpu.zig");
const equivalence = @import("equivalence_test.zig");
const kernels = @import("kernels.zig");
const tiled = @import("../compute/tiled.zig");
const tiles = @import("tiles.zig");
const Data = equivalence.Data;
const testing = std.testing;

fn forEachTable(comptime check: fn (*const kernels.Table) anyerror!void) !void {
    var found = cpu.detect().iterator();
    while (found.next()) |isa| {
        for ([_]*const kernels.Table{ cpu.plainTable(isa), cpu.table(isa) }) |table| {
            if (table.tile_gemm == null) continue;
            check(table) catch |err| {
                std.debug.print("tiles with kernels of {s}:\n", .{@tagName(isa)});
                return err;
            };
        }
    }
}

// As Intel's manual has it: palette, row to start at, 14 bytes of 0, 16 numbers of 16 bits (bytes of a row), 16
// numbers of 8 bits (rows).
test "the configuration is eight whole tiles" {
    const want = [_]u8{1} ++ .{0} ** 15 ++ .{ 64, 0 } ** 8 ++ .{0} ** 16 ++ .{16} ** 8 ++ .{0} ** 8;
    try testing.expectEqualSlices(u8, &want, &tiles.configuration);
    try testing.expectEqual(0, @intFromPtr(&tiles.configuration) % 64);
}

fn half(x: f32) u16 {
    return @intCast(@as(u32, @bitCast(x)) >> 16);
}

/// C[0][0] of one multiplication, which starts at `c`, of a row with a column.
fn multiplyOnce(c: f32, row: []const f32, column: []const f32) f32 {
    var a: [16][32]u16 = @splat(@splat(0));
    var b: [16][32]u16 = @splat(@splat(0));
    for (row, column, 0..) |x, w, k| {
        a[0][k] = half(x);
        b[k / 2][k % 2] = half(w);
    }
    var sums: [16][16]f32 = @splat(@splat(c));
    var machine: tiles.Plain = .{};
    machine.configure();
    machine.load(0, @ptrCast(&sums), 64);
    machine.load(1, @ptrCast(&a), 64);
    machine.load(2, @ptrCast(&b), 64);
    machine.multiplyAdd(0, 1, 2);
    machine.store(0, @ptrCast(&sums), 64);
    machine.release();
    return sums[0][0];
}

test "one multiplication: order of the sums, rounding, numbers too small" {
    const p = std.math.pow;
    const eps = p(f32, 2, -24); // Half a unit of 1.
    try testing.expectEqual(11, multiplyOnce(5, &.{ 1, 2 }, &.{ 2, 2 }));
    // Even and odd places are summed apart: two halves of a unit at even places are lost one by one, ...
    try testing.expectEqual(1, multiplyOnce(0, &.{ 1, 0, eps, 0, eps }, &.{ 1, 0, 1, 0, 1 }));
    // ... at odd places they are added to each other first, ...
    try testing.expectEqual(1 + 2 * eps, multiplyOnce(0, &.{ 1, eps, 0, eps }, &.{ 1, 1, 0, 1 }));
    // ... and all of the row before it meets what was there.
    try testing.expectEqual(1 + 2 * eps, multiplyOnce(1, &.{ eps, 0, eps }, &.{ 1, 0, 1 }));
    try testing.expectEqual(1, multiplyOnce(1, &.{ eps, 0, 0 }, &.{ 1, 0, 0 })); // A tie, to even.
    try testing.expectEqual(1 + 4 * eps, multiplyOnce(1 + 2 * eps, &.{eps}, &.{1})); // A tie, to even.
    const least = p(f32, 2, -126); // The smallest normal number.
    try testing.expectEqual(0, multiplyOnce(0, &.{least / 2}, &.{1e30}));
    try testing.expectEqual(0, multiplyOnce(0, &.{1e30}, &.{least / 2}));
    try testing.expectEqual(0, multiplyOnce(0, &.{least}, &.{0.5}));
    try testing.expectEqual(0, multiplyOnce(least / 2, &.{0}, &.{0}));
    try testing.expectEqual(least, multiplyOnce(0, &.{least}, &.{1}));
    try testing.expectEqual(0, multiplyOnce(-least, &.{least * 1.5}, &.{1}));
    try testing.expect(std.math.isNan(multiplyOnce(0, &.{std.math.inf(f32)}, &.{0})));
    try testing.expectEqual(std.math.inf(f32), multiplyOnce(0, &.{1e30}, &.{1e30}));
}

test "all rows and columns of a multiplication, from and to lines that lie apart" {
    var prng: std.Random.DefaultPrng = .init(7);
    var a: [16][40]u16 = undefined;
    var b: [16][34]u16 = undefined;
    for (&a) |*line| for (line) |*to| {
        to.* = half(@floatFromInt(prng.random().intRangeAtMost(i32, -99, 99)));
    };
    for (&b) |*line| for (line) |*to| {
        to.* = half(@floatFromInt(prng.random().intRangeAtMost(i32, -99, 99)));
    };
    var sums: [16][20]f32 = @splat(@splat(3));
    var machine: tiles.Plain = .{};
    machine.configure();
    machine.zero(7);
    machine.load(3, @ptrCast(&a), @sizeOf(@TypeOf(a[0])));
    machine.load(4, @ptrCast(&b), @sizeOf(@TypeOf(b[0])));
    machine.multiplyAdd(7, 3, 4);
    machine.store(7, @ptrCast(&sums), @sizeOf(@TypeOf(sums[0])));
    for (sums, a) |line, row| for (line, 0..) |got, n| {
        var want: f32 = 3; // Behind the tile's 16 columns nothing is written.
        if (n < 16) {
            want = 0;
            for (row[0..32], 0..) |x, k| want += wide(x) * wide(b[k / 2][2 * n + k % 2]);
        }
        try testing.expectEqual(want, got);
    };
}

fn wide(x: u16) f32 {
    return @bitCast(@as(u32, x) << 16);
}

test "the check at the start passes every table, and finds faults" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            try testing.expect(tiled.isRight(table));
        }
    }.check);
    const faults = struct {
        fn nothing(_: *const kernels.Tiled) callconv(.c) void {}
        /// The last column of the last row is off by a unit in the last place.
        fn last(job: *const kernels.Tiled) callconv(.c) void {
            cpu.plainTable(.generic).tile_gemm.?(job);
            const place = &job.out[(job.rows - 1) * job.out_stride + job.count - 1];
            place.* = std.math.nextAfter(f32, place.*, std.math.inf(f32));
        }
        /// A processor whose tiles hold other rows.
        fn swapped(job: *const kernels.Tiled) callconv(.c) void {
            cpu.plainTable(.generic).tile_gemm.?(job);
            for (0..job.count) |n| std.mem.swap(f32, &job.out[n], &job.out[job.out_stride + n]);
        }
    };
    inline for (.{ faults.nothing, faults.last, faults.swapped }) |fault| {
        var broken = cpu.plainTable(.generic).*;
        broken.tile_gemm = &fault;
        try testing.expect(!tiled.isRight(&broken));
    }
}

test "activations become the nearest bf16, and what is missing" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            const rows, const columns, const stride = .{ 5, 45, 50 };
            var data: Data = .{};
            defer data.deinit();
            const x = try data.floats(rows * stride);
            x[0] = 0;
            x[1] = std.math.inf(f32);
            x[2] = -std.math.nan(f32);
            x[3] = @bitCast(@as(u32, 0x7fff_ffff)); // NaN, which adding to would make -0.
            x[4] = @bitCast(@as(u32, 0x3f80_8000)); // A tie.
            x[5] = @bitCast(@as(u32, 0x3f81_8000)); // Another.
            const room = comptime kernels.tileElements(rows, columns);
            var memory: [2 * room]u16 align(64) = @splat(0xaaaa);
            const to: tiled.Activations = .in(&memory, rows, columns, true);
            to.pack(table, x, stride, 0, rows);
            for (0..kernels.tile_rows) |row| for (0..comptime room / kernels.tile_rows) |k| {
                const at = k / 32 * 512 + row * 32 + k % 32;
                const value = if (row < rows and k < columns) x[row * stride + k] else 0;
                const nearest = wide(to.nearest[at]);
                if (std.math.isNan(value)) {
                    try testing.expect(std.math.isNan(nearest));
                } else if (std.math.isInf(value)) {
                    try testing.expectEqual(value, nearest);
                } else {
                    try testing.expect(@abs(nearest - value) <= @abs(value) * 0x1p-8);
                    try testing.expect(@abs(nearest + wide(to.rest.?[at]) - value) <= @abs(value) * 0x1p-16);
                }
            };
            try testing.expectEqual(0x3f80, to.nearest[4]);
            try testing.expectEqual(0x3f82, to.nearest[5]);
        }
    }.check);
}

test "products as tiles: any rows, columns and outputs, within the rounding of weights and activations" {
    try forEachTable(struct {
        fn check(table: *const kernels.Table) !void {
            for ([_]usize{ 1, 16, 17, 33, 50 }) |rows| for ([_]usize{ 1, 16, 40, 65 }) |outputs| {
                try checkProduct(table, null, rows, 45, outputs);
                try checkProduct(table, null, rows, 96, outputs);
                try checkProduct(table, .eight, rows, 96, outputs);
                try checkProduct(table, .four, rows, 96, outputs);
            };
            for ([_]usize{ 512, 544, 1056 }) |columns| {
                try checkProduct(table, null, 33, columns + 1, 33);
                try checkProduct(table, .eight, 33, columns, 33);
                try checkProduct(table, .four, 33, columns, 33);
            }
        }
    }.check);
}

fn checkProduct(table: *const kernels.Table, bits: ?kernels.Bits, rows: usize, columns: usize, outputs: usize) !void {
    var data: Data = .{};
    defer data.deinit();
    const bytes, const weights = try data.weights(.bf16, outputs * columns);
    const x = try data.floats(rows * columns);
    const panels: ?equivalence.Panels = if (bits) |b| try .init(table, b, bytes, outputs, columns) else null;
    defer if (panels) |all| all.deinit();
    const stride = outputs + 3;
    const before = try data.floats(rows * stride);
    const out = try data.copy(before, rows * stride);
    try multiply(table, panels, bytes, x, rows, columns, outputs, out, stride);
    for (0..rows) |row| for (0..stride) |n| {
        const got = out[row * stride + n];
        if (n >= outputs) { // Nothing is written behind the outputs.
            try testing.expectEqual(before[row * stride + n], got);
            continue;
        }
        const line, const column = .{ x + row * columns, weights + n * columns };
        const want = equivalence.dot(line, column, columns);
        try testing.expectApproxEqAbs(want, got, bound(bits, line, column, columns));
    };
    const alone = try data.floats(outputs); // The last row alone gives the same bits.
    try multiply(table, panels, bytes, x + (rows - 1) * columns, 1, columns, outputs, alone, outputs);
    try testing.expectEqualSlices(f32, (out + (rows - 1) * stride)[0..outputs], alone[0..outputs]);
}

fn multiply(
    table: *const kernels.Table,
    panels: ?equivalence.Panels,
    bytes: [*]const u8,
    x: [*]const f32,
    rows: usize,
    columns: usize,
    outputs: usize,
    out: [*]f32,
    stride: usize,
) !void {
    const room = tiled.Activations.room(rows, columns, true);
    const memory = try testing.allocator.alignedAlloc(u16, .@"64", room);
    defer testing.allocator.free(memory);
    const scratch = try testing.allocator.alignedAlloc(f32, .@"64", kernels.tiled_scratch / 4);
    defer testing.allocator.free(scratch);
    const activations: tiled.Activations = .in(memory, rows, columns, panels == null);
    activations.pack(table, x, columns, 0, rows);
    tiled.multiply(table, activations, .{
        .rows = @intCast(outputs),
        .columns = @intCast(columns),
        .dtype = .bf16,
        .bytes = bytes,
        .panels = if (panels) |all| .{ .bits = all.bits, .bytes = @alignCast(all.weights.ptr) } else null,
    }, 0, outputs, out, stride, scratch);
}

/// How far a sum may be off. In bf16, weights are exact and activations good to 2^-16. Packed weights are off by half a
/// step of their block (of 8 bits a 254th of its greatest; of 4 bits at most a fifth, by the norms of the errors, as
/// in equivalence_test.zig), and rounded to 2^-8 as the activations are.
fn bound(bits: ?kernels.Bits, x: [*]const f32, w: [*]const f32, columns: usize) f64 {
    var total = equivalence.sumBound(columns);
    if (bits == null) {
        for (x[0..columns], w) |a, b| total += 0x1p-16 * @abs(@as(f64, a) * b);
        return total;
    }
    for (0..columns / 32) |block| {
        const some = w[block * 32 ..][0..32];
        var greatest: f64, var square: f64 = .{ 0, 0 };
        for (some) |b| greatest = @max(greatest, @abs(b));
        const step = greatest * @as(f64, if (bits == .eight) 1.0 / 253.0 else 25.5 / 127.0);
        for (x[block * 32 ..][0..32], some) |a, b| {
            total += 2.01 * 0x1p-8 * @abs(a) * (@abs(b) + step);
            if (bits == .eight) total += @abs(a) * step;
            square += @as(f64, a) * a;
        }
        if (bits == .four) total += @sqrt(32 * square) * step;
    }
    return total;
}
