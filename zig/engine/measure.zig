//! Measures what this machine can do at best, with the engine's own thread pool: reading memory, f32
//! products through the BLAS in use, and the attention kernel. `bench/` and `qwen-asr bench` hold
//! the times of real stages against it.
//!
//! Every measurement repeats until `least_seconds` have passed and keeps the fastest run: what other
//! programs take away is not the machine's limit.

const std = @import("std");
const blas = @import("../compute/blas.zig");
const block_ = @import("../network/block.zig");
const clock = @import("clock.zig");
const compute_ = @import("../compute/compute.zig");
const decoder_ = @import("../network/decoder.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const kv_cache_ = @import("../network/kv_cache.zig");
const model_ = @import("model.zig");
const assert = std.debug.assert;
const Compute = compute_.Compute;
const Matrix = @import("../compute/matrix.zig").Matrix;
const Scratch = compute_.Scratch;

/// As `qasr_measurement` of qwen_asr.h numbers them.
pub const Measurement = enum(u32) { read = 0, sgemm = 1, attention = 2, linear = 3, int8 = 4 };

const least_seconds = 0.15;
const least_runs = 3;
/// Sizes are limited to what fits small machines.
const floats_max = 1 << 28;

/// C[m][n] = A[m][k] * B[n][k]^T on the calling thread, through the BLAS in use or else in plain loops.
pub fn sgemm(a: [*]const f32, b: [*]const f32, c: [*]f32, m: u32, n: u32, k: u32) void {
    assert(m > 0 and n > 0 and k > 0);
    if (blas.available and blas.isUsed()) {
        blas.init();
        return blas.sgemm(m, n, k, a, k, b, k, c, n);
    }
    for (0..m) |i| for (0..n) |j| {
        var total: f32 = 0;
        for (0..k) |l| total += a[i * k + l] * b[j * k + l];
        c[i * n + j] = total;
    };
}

/// Bytes or floating point operations per second. `m`, `n`, `k` as qwen_asr.h says.
pub fn measure(model: *model_.Model, what: u32, m: usize, n: usize, k: usize) errors.Error!f64 {
    return switch (std.enums.fromInt(Measurement, what) orelse
        return errors.fail(error.Invalid, "measurement {d}: not a qasr_measurement", .{what})) {
        .read => readSpeed(&model.compute, m),
        .sgemm => productSpeed(&model.compute, m, n, k),
        .attention => attentionSpeed(model, m),
        .linear => linearSpeed(model, m),
        .int8 => int8Speed(&model.compute),
    };
}

fn now() f64 {
    return @as(f64, @floatFromInt(clock.now())) * 1e-9;
}

/// Seconds of the fastest of several calls; the first call warms up and counts as one.
fn fastest(context: anytype, comptime run: fn (@TypeOf(context)) void) f64 {
    var best = std.math.inf(f64);
    var runs: usize = 0;
    const start = now();
    while (runs < least_runs or now() - start < least_seconds) : (runs += 1) {
        const from = now();
        run(context);
        best = @min(best, now() - from);
    }
    assert(runs >= least_runs and best >= 0);
    return best;
}

fn floats(allocator: std.mem.Allocator, count: usize) errors.Error![]align(64) f32 {
    if (count == 0 or count > floats_max) {
        return errors.fail(error.Invalid, "a measurement over {d} values, must be 1 to {d}", .{ count, floats_max });
    }
    const all = allocator.alignedAlloc(f32, .@"64", count) catch return errors.outOfMemory("a measurement");
    fill(all);
    assert(all.len == count);
    return all;
}

/// Small numbers, all different from zero: memory that was never written would be read from one page.
fn fill(values: []f32) void {
    for (values, 0..) |*value, i| value.* = (@as(f32, @floatFromInt(i % 61)) - 30.5) / 64;
}

/// Bytes read per second, over `mebibytes` of memory.
fn readSpeed(compute: *Compute, mebibytes: usize) errors.Error!f64 {
    const Sweep = struct {
        const task_lines = 1 << 11; // 256 KiB: the hand-out of tasks does not show.
        compute: *Compute,
        lines: []const Line,
        fn sweep(self: *const @This()) void {
            self.compute.overTasks(self.lines.len / task_lines, self, read);
        }
        fn read(self: *const @This(), task: usize, _: Scratch) void {
            std.mem.doNotOptimizeAway(sum(self.lines[task * task_lines ..][0..task_lines]));
        }
    };
    if (mebibytes > floats_max >> 18) {
        return errors.fail(error.Invalid, "{d} MiB to read, must be 1 to {d}", .{ mebibytes, floats_max >> 18 });
    }
    const memory = try floats(compute.allocator, mebibytes << 18);
    defer compute.allocator.free(memory);
    const sweep: Sweep = .{ .compute = compute, .lines = @ptrCast(memory) };
    return @as(f64, @floatFromInt(memory.len * @sizeOf(f32))) / fastest(&sweep, Sweep.sweep);
}

const Line = [4]@Vector(4, u64);

/// Adds up the bits, several sums side by side: no chain of additions slows the reading down.
fn sum(lines: []const Line) u64 {
    comptime assert(@sizeOf(Line) == 128);
    @setRuntimeSafety(false);
    var sums: Line = @splat(@splat(0));
    for (lines) |line| {
        inline for (&sums, line) |*to, vector| to.* +%= vector;
    }
    return @reduce(.Xor, sums[0] ^ sums[1] ^ sums[2] ^ sums[3]);
}

/// FLOPs per second of c[m][n] = a[m][k] b[n][k]^T in f32, every thread with a tile of b's rows.
fn productSpeed(compute: *Compute, m: usize, n: usize, k: usize) errors.Error!f64 {
    const Product = struct {
        compute: *Compute,
        a: []align(64) const f32,
        b: Matrix,
        c: []align(64) f32,
        rows: usize,
        tile: usize,
        fn run(self: *const @This()) void {
            self.compute.overTasks((self.b.rows + self.tile - 1) / self.tile, self, one);
        }
        fn one(self: *const @This(), task: usize, scratch: Scratch) void {
            const b = self.b;
            const first = task * self.tile;
            const count = @min(self.tile, b.rows - first);
            const out = self.c.ptr + first;
            self.compute.product(scratch, self.rows, self.a.ptr, b.columns, b, first, count, out, b.rows);
        }
    };
    const deepest = compute_.scratch_tile_floats / kernels.page_keys;
    if (k > deepest) return errors.fail(error.Invalid, "depth {d}, must be 1 to {d}", .{ k, deepest });
    const allocator = compute.allocator;
    const a = try floats(allocator, m *| k);
    defer allocator.free(a);
    const b = try floats(allocator, n *| k);
    defer allocator.free(b);
    const c = try floats(allocator, m *| n);
    defer allocator.free(c);
    const threads = compute.pool.threadsCount();
    const product: Product = .{
        .compute = compute,
        .a = a,
        .b = .{ .bytes = @ptrCast(b.ptr), .dtype = .f32, .rows = @intCast(n), .columns = @intCast(k) },
        .c = c,
        .rows = m,
        .tile = (n + threads - 1) / threads,
    };
    return @as(f64, @floatFromInt(2 * m * n * k)) / fastest(&product, Product.run);
}

/// FLOPs per second of `rows` activations through the feed-forward's first matrix, as a prefill does
/// it: at the model's precision, with widening or with rounding the activations.
fn linearSpeed(model: *model_.Model, rows: usize) errors.Error!f64 {
    const Product = struct {
        compute: *Compute,
        quantized: *compute_.Quantized,
        rows: usize,
        x: []align(64) const f32,
        linear: compute_.Linear,
        fn run(self: *const @This()) void {
            const width = self.linear.weight.columns;
            self.compute.linear(self.quantized, self.rows, self.x.ptr, width, &.{self.linear});
        }
    };
    const compute = &model.compute;
    const weight = model.weights.decoder.layers[0].up;
    const x = try floats(model.gpa, rows *| weight.columns);
    defer model.gpa.free(x);
    const out = try floats(model.gpa, rows *| weight.rows);
    defer model.gpa.free(out);
    var quantized = compute.quantized(model.gpa);
    defer quantized.deinit();
    try quantized.reserve(rows, weight.columns);
    const product: Product = .{
        .compute = compute,
        .quantized = &quantized,
        .rows = rows,
        .x = x,
        .linear = .{ .weight = weight, .out = out.ptr, .out_stride = weight.rows },
    };
    return @as(f64, @floatFromInt(2 * x.len * weight.rows)) / fastest(&product, Product.run);
}

/// Operations per second (two per multiply-add) of the int8 kernel where all it reads stays in a
/// core's first cache: what is left when memory costs nothing.
fn int8Speed(compute: *Compute) errors.Error!f64 {
    const columns = 512;
    const rows = 24;
    const blocks = columns / kernels.int8_block;
    const panel_rows = kernels.int8_panel_rows;
    const Repeat = struct {
        const times = 200;
        compute: *Compute,
        product: kernels.Int8,
        fn run(self: *const @This()) void {
            self.compute.overTasks(tasks(self.compute), self, one);
        }
        fn tasks(on: *const Compute) usize {
            return 4 * on.pool.threadsCount();
        }
        fn one(self: *const @This(), _: usize, scratch: Scratch) void {
            var product = self.product;
            product.out = scratch.task.ptr;
            for (0..times) |_| self.compute.kernels.int8_gemm(&product);
        }
    };
    const table = compute.kernels;
    const values = try floats(compute.allocator, @max(rows, panel_rows) * columns);
    defer compute.allocator.free(values);
    var panel: [kernels.panelBytes(.eight, columns)]u8 align(64) = undefined;
    table.pack_panel(.eight, .f32, @ptrCast(values.ptr), panel_rows, columns, &panel);
    var x: [2 * rows * columns]i8 align(64) = undefined;
    var scales: [rows * blocks]f32 = undefined;
    var starts: [rows * blocks]i32 = undefined;
    const each = table.int8_activation_bytes;
    assert(each <= 2);
    const to: compute_.Rounded = .{ .bytes = &x, .scales = &scales, .starts = &starts, .each = each };
    for (0..rows) |row| compute.round(values.ptr + row * columns, columns, to.from(row * columns));
    const repeat: Repeat = .{ .compute = compute, .product = .{
        .bits = .eight,
        .weights = &panel,
        .x = &x,
        .scales = &scales,
        .starts = &starts,
        .x_stride = columns,
        .out = undefined,
        .out_stride = panel_rows,
        .rows = rows,
        .columns = columns,
        .panels = 1,
        .rows_valid = panel_rows,
    } };
    const operations = 2 * rows * columns * panel_rows * Repeat.times * Repeat.tasks(compute);
    return @as(f64, @floatFromInt(operations)) / fastest(&repeat, Repeat.run);
}

/// FLOPs per second of causal attention over `positions`, one layer of the model's decoder.
fn attentionSpeed(model: *model_.Model, positions: usize) errors.Error!f64 {
    const Prefill = struct {
        block: *block_.Block,
        cache: *const kv_cache_.KvCache,
        positions: usize,
        fn run(self: *const @This()) void {
            var first: usize = 0;
            while (first < self.positions) {
                const count = @min(block_.rows_max, self.positions - first);
                self.block.attend(self.cache, 0, first, 0, count);
                first += count;
            }
        }
    };
    if (positions == 0 or positions > 1 << 15) {
        return errors.fail(error.Invalid, "{d} positions, must be 1 to {d}", .{ positions, 1 << 15 });
    }
    var text = model.config.text;
    text.layers = 1;
    const kind = decoder_.Decoder.kvOf(&model.weights.decoder);
    var cache: kv_cache_.KvCache = .init(model.gpa, text, kind);
    defer cache.release();
    try cache.reserve(positions);
    var block: block_.Block = try .init(model.gpa, &model.compute, text);
    defer block.deinit();
    try block.resize(@min(positions, block_.rows_max));
    assert(cache.pages.items.len * kernels.page_keys >= positions);
    const elements = @as(usize, text.kv_heads) * 2 * text.head_dim * kernels.page_keys;
    for (cache.pages.items) |page| switch (kind) {
        .f32 => fill(@as([*]f32, @ptrCast(page))[0..elements]),
        .f16 => for (@as([*]f16, @ptrCast(page))[0..elements], 0..) |*value, i| {
            value.* = (@as(f16, @floatFromInt(i % 61)) - 30.5) / 64;
        },
    };
    fill(block.buffers.q[0 .. block.buffers.rows * text.heads * text.head_dim]);
    const prefill: Prefill = .{ .block = &block, .cache = &cache, .positions = positions };
    const seconds = fastest(&prefill, Prefill.run);
    const pairs = positions * (positions + 1) / 2;
    return @as(f64, @floatFromInt(4 * pairs * text.heads * text.head_dim)) / seconds;
}

test "reading and products are measured with every number of threads, wrong sizes refused" {
    const cpu = @import("../compute/cpu.zig");
    for ([_]u32{ 1, 3 }) |threads| {
        var compute: Compute = undefined;
        try compute.init(std.testing.allocator, (try cpu.choose()).table(), threads);
        defer compute.deinit();
        const read = try readSpeed(&compute, 8);
        try std.testing.expect(read > 1e7 and read < 1e14);
        const product = try productSpeed(&compute, 5, 70, 33);
        try std.testing.expect(product > 1e5 and product < 1e14);
        const int8 = try int8Speed(&compute);
        try std.testing.expect(int8 > 1e6 and int8 < 1e15);
        try std.testing.expectError(error.Invalid, readSpeed(&compute, 0));
        try std.testing.expectError(error.Invalid, readSpeed(&compute, 1 << 20));
        try std.testing.expectError(error.Invalid, productSpeed(&compute, 1, 1, 1 << 20));
        try std.testing.expectError(error.Invalid, productSpeed(&compute, std.math.maxInt(u32), 9, 9));
    }
}
