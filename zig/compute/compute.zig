//! Arithmetic over the thread pool, as encoder and decoder use it: products with weight matrices,
//! and jobs over rows of activations.
//!
//! Activations are f32, row-major. A product with one row streams the weights once (GEMV); with
//! more rows, tiles of weights are widened to f32 in a thread's scratch and multiplied by our GEMM (or
//! by BLAS), so the whole matrix never exists in f32; or to bf16, where the processor multiplies tiles of
//! that (tiled.zig). Tiles depend on the shape, not on the number of threads: neither do results.

const std = @import("std");
const errors = @import("../errors.zig");
const blas = @import("blas.zig");
const buffers = @import("buffers.zig");
const kernels = @import("../kernels/kernels.zig");
const matrix = @import("matrix.zig");
const threads = @import("threads.zig");
const tiled = @import("tiled.zig");
const assert = std.debug.assert;
const Matrix = matrix.Matrix;
const Panels = matrix.Panels;
const page_keys = kernels.page_keys;

/// What one thread may use within a task.
pub const Scratch = struct {
    /// The task's own: im2col rows, attention pages.
    task: []align(64) f32,
    /// `product` widens weights here.
    tile: []align(64) f32,
};
/// The first convolution is 9 deep: BLAS would spend its time on clearing the result and on copies.
const blas_depth_min = 32;
/// How much of the depth our own products pack at a time: what stays in the second-level cache.
const panel_depth = 1024;

pub const scratch_task_floats = 1 << 20;
pub const scratch_tile_floats = 1 << 19;

/// Rows of activations at 8 bits, as the int8 kernels take them, or of bf16 as tiles. Belongs to one session; grows.
pub const Quantized = struct {
    allocator: std.mem.Allocator,
    table: *const kernels.Table,
    /// Many rows are multiplied as few are, without tiles, so that they get the same bits.
    avoids_tiles: bool = false,
    bytes: []align(64) i8 = &.{},
    scales: []align(64) f32 = &.{},
    starts: []align(64) i32 = &.{},
    tiles: []align(64) u16 = &.{},

    pub fn deinit(self: *Quantized) void {
        buffers.free(self.allocator, self.tiles);
        buffers.free(self.allocator, self.bytes);
        buffers.free(self.allocator, self.scales);
        buffers.free(self.allocator, self.starts);
    }

    /// Frees the room, which `reserve` makes again.
    pub fn release(self: *Quantized) void {
        self.deinit();
        self.* = .{ .allocator = self.allocator, .table = self.table };
    }

    /// Bytes of room for so many rows.
    pub fn bytesFor(rows: usize, columns: usize, table: *const kernels.Table) usize {
        const tiles = tilesFor(rows, columns, table);
        return Rounded.room(rows * columns, table.int8_activation_bytes) + @sizeOf(u16) * tiles;
    }

    fn tilesFor(rows: usize, columns: usize, table: *const kernels.Table) usize {
        const has_tiles = table.tile_gemm != null and rows > gemv_rows_max;
        return if (has_tiles) tiled.Activations.room(rows, columns, true) else 0;
    }

    /// Room for this many rows of up to `columns` elements.
    pub fn reserve(self: *Quantized, rows: usize, columns: usize) errors.Error!void {
        const elements = rows * columns;
        const tiles = tilesFor(rows, columns, self.table);
        if (elements <= self.capacity() and tiles <= self.tiles.len) return;
        const allocator = self.allocator;
        self.release();
        errdefer self.release();
        const fail = errors.outOfMemory;
        self.tiles = buffers.alloc(u16, allocator, tiles) catch return fail("the activations");
        const blocks = elements / kernels.int8_block;
        const bytes = elements * self.table.int8_activation_bytes;
        self.bytes = buffers.alloc(i8, allocator, bytes) catch return fail("the activations");
        self.scales = buffers.alloc(f32, allocator, blocks) catch return fail("the activations");
        self.starts = buffers.alloc(i32, allocator, blocks) catch return fail("the activations");
    }

    /// Activations that there is room for.
    pub fn capacity(self: *const Quantized) usize {
        return self.bytes.len / self.table.int8_activation_bytes;
    }

    pub fn rounded(self: *const Quantized) Rounded {
        return .{
            .bytes = self.bytes.ptr,
            .scales = self.scales.ptr,
            .starts = self.starts.ptr,
            .each = self.table.int8_activation_bytes,
        };
    }
};

/// Activations at 8 bits, wherever they are: i8[][each], and for each block of them f32[] and i32[].
pub const Rounded = struct {
    bytes: [*]i8,
    scales: [*]f32,
    starts: [*]i32,
    /// Bytes of an activation.
    each: usize,

    /// Bytes of room for this many activations.
    pub fn room(elements: usize, each: usize) usize {
        return elements * each + elements / kernels.int8_block * 8;
    }

    /// In memory that begins at a multiple of 4 bytes; `elements` is a multiple of the block.
    pub fn in(memory: [*]u8, elements: usize, each: usize) Rounded {
        const scales = memory + elements * each;
        const starts = scales + elements / kernels.int8_block * 4;
        return .{
            .bytes = @ptrCast(memory),
            .scales = @ptrCast(@alignCast(scales)),
            .starts = @ptrCast(@alignCast(starts)),
            .each = each,
        };
    }

    /// From an element on, the first of a block.
    pub fn from(self: Rounded, element: usize) Rounded {
        const b = element / kernels.int8_block;
        return .{
            .bytes = self.bytes + element * self.each,
            .scales = self.scales + b,
            .starts = self.starts + b,
            .each = self.each,
        };
    }

    pub fn copy(self: Rounded, other: Rounded, elements: usize) void {
        const blocks = elements / kernels.int8_block;
        @memcpy(self.bytes[0 .. elements * self.each], other.bytes);
        @memcpy(self.scales[0..blocks], other.scales);
        @memcpy(self.starts[0..blocks], other.starts);
    }

    pub fn clear(self: Rounded, elements: usize) void {
        const blocks = elements / kernels.int8_block;
        @memset(self.bytes[0 .. elements * self.each], 0);
        @memset(self.scales[0..blocks], 0);
        @memset(self.starts[0..blocks], 0);
    }
};

/// A product's destination: out[row][n] = x[row] . weight[n] + bias[n], then perhaps GELU.
pub const Linear = struct {
    weight: Matrix,
    out: [*]f32,
    out_stride: usize,
    bias: ?[]const f32 = null,
    gelu: bool = false,
};

pub const Compute = struct {
    allocator: std.mem.Allocator,
    kernels: *const kernels.Table,
    /// Whether products of many rows with weights that are not packed go to BLAS.
    uses_blas: bool,
    pool: threads.Pool,
    scratch: []Scratch,

    pub fn init(
        self: *Compute,
        allocator: std.mem.Allocator,
        table: *const kernels.Table,
        threads_count: u32,
    ) errors.Error!void {
        assert(threads_count > 0);
        blas.init();
        self.* = .{
            .allocator = allocator,
            .kernels = table,
            .uses_blas = blas.isFaster(table.lanes),
            .pool = .{},
            .scratch = &.{},
        };
        const scratch = allocator.alloc(Scratch, threads_count) catch return outOfMemory();
        var made: usize = 0;
        errdefer {
            for (scratch[0..made]) |one| {
                buffers.free(allocator, one.task);
                buffers.free(allocator, one.tile);
            }
            allocator.free(scratch);
        }
        for (scratch) |*one| {
            one.task = buffers.alloc(f32, allocator, scratch_task_floats) catch return outOfMemory();
            one.tile = buffers.alloc(f32, allocator, scratch_tile_floats) catch {
                buffers.free(allocator, one.task);
                return outOfMemory();
            };
            made += 1;
        }
        try self.pool.init(threads_count);
        self.scratch = scratch;
    }

    fn outOfMemory() errors.Error {
        return errors.outOfMemory("the threads' scratch");
    }

    /// Whether products of many rows go by tiles.
    pub fn multipliesTiles(self: *const Compute) bool {
        return self.kernels.tile_gemm != null;
    }

    /// As yet without room.
    pub fn quantized(self: *const Compute, allocator: std.mem.Allocator) Quantized {
        return .{ .allocator = allocator, .table = self.kernels };
    }

    pub fn deinit(self: *Compute) void {
        self.pool.deinit();
        for (self.scratch) |one| {
            buffers.free(self.allocator, one.task);
            buffers.free(self.allocator, one.tile);
        }
        self.allocator.free(self.scratch);
    }

    /// All `products` of the same x[rows][columns], in one job. `rounded` has room for x.
    pub fn linear(
        self: *Compute,
        rounded: *Quantized,
        rows: usize,
        x: [*]const f32,
        x_stride: usize,
        products: []const Linear,
    ) void {
        if (rows == 0) return;
        for (products) |one| {
            // They share x: as it is, and rounded.
            assert(one.weight.columns == products[0].weight.columns);
            assert(rows == 1 or (x_stride >= one.weight.columns and one.out_stride >= one.weight.rows));
            if (one.bias) |bias| assert(bias.len == one.weight.rows);
        }
        var job: LinearJob = .{
            .compute = self,
            .rows = rows,
            .x = x,
            .x_stride = x_stride,
            .products = products,
            .quantized = rounded,
            .tiles = self.tilesOf(rounded, rows, products),
        };
        if (job.tiles != null) {
            self.overRows(rows, &job, LinearJob.pack);
        } else for (products) |one| if (one.weight.panels != null) {
            self.overRows(rows, &job, LinearJob.quantize);
            break;
        };
        var tasks: usize = 0;
        for (products) |one| tasks += job.tilesOf(one.weight);
        self.pool.run(tasks, &job, LinearJob.run);
    }

    /// Where the activations go as tiles; null where they do not.
    fn tilesOf(self: *const Compute, rounded: *Quantized, rows: usize, products: []const Linear) ?tiled.Activations {
        if (!self.multipliesTiles() or rounded.avoids_tiles or rows <= gemv_rows_max) return null;
        var needs_rest = false;
        for (products) |one| {
            if (!tiled.takes(one.weight)) return null;
            needs_rest = needs_rest or tiled.needsRest(one.weight);
        }
        return .in(rounded.tiles, rows, products[0].weight.columns, needs_rest);
    }

    /// On the calling thread: out[row][n] = a[row] . weight[first + n] for n < count; the weights are not packed.
    pub fn product(
        self: *const Compute,
        scratch: Scratch,
        rows: usize,
        a: [*]const f32,
        a_stride: usize,
        weight: Matrix,
        first: usize,
        count: usize,
        out: [*]f32,
        out_stride: usize,
    ) void {
        assert(first + count <= weight.rows);
        assert(a_stride >= weight.columns and out_stride >= count);
        assert(weight.panels == null);
        if (blas.available and self.uses_blas and weight.columns >= blas_depth_min) {
            var b: [*]const f32 = undefined;
            if (weight.dtype == .f32) {
                b = @ptrCast(@alignCast(weight.rowBytes(first)));
            } else {
                const floats = count * weight.columns;
                assert(floats <= scratch.tile.len);
                self.kernels.widen(weight.dtype, weight.rowBytes(first), scratch.tile.ptr, floats);
                b = scratch.tile.ptr;
            }
            blas.sgemm(rows, count, weight.columns, a, a_stride, b, weight.columns, out, out_stride);
            return;
        }
        comptime assert(panel_depth * page_keys <= scratch_tile_floats);
        var n: usize = 0;
        while (n < count) : (n += page_keys) {
            const columns = @min(page_keys, count - n);
            var k: usize = 0;
            while (k < weight.columns) : (k += panel_depth) {
                const depth = @min(panel_depth, weight.columns - k);
                const from = weight.rowBytes(first + n) + k * weight.dtype.size();
                self.kernels.pack(weight.dtype, from, weight.columns, columns, depth, scratch.tile.ptr);
                self.kernels.gemm(&.{
                    .a = a + k,
                    .a_stride = a_stride,
                    .panel = scratch.tile.ptr,
                    .out = out + n,
                    .out_stride = out_stride,
                    .rows = rows,
                    .depth = depth,
                    .columns = columns,
                    .add = k > 0,
                });
            }
        }
    }

    pub fn round(self: *const Compute, x: [*]const f32, count: usize, to: Rounded) void {
        assert(count % kernels.int8_block == 0);
        self.kernels.int8_quantize(x, count, to.bytes, to.scales, to.starts);
    }

    /// As `product`, of x[rows][columns] that is rounded already and packed weights.
    pub fn productOfRounded(
        self: *const Compute,
        rows: usize,
        x: Rounded,
        columns: usize,
        panels: Panels,
        first: usize,
        count: usize,
        out: [*]f32,
        out_stride: usize,
    ) void {
        assert(columns % kernels.int8_block == 0);
        assert(rows == 1 or out_stride >= count);
        self.kernels.int8_gemm(&.{
            .bits = panels.bits,
            .weights = panels.from(columns, first),
            .x = x.bytes,
            .scales = x.scales,
            .starts = x.starts,
            .x_stride = columns,
            .out = out,
            .out_stride = out_stride,
            .rows = rows,
            .columns = columns,
            .panels = Panels.count(count),
            .rows_valid = count,
        });
    }

    /// Calls `task(context, first, end, scratch)` for consecutive ranges of rows that cover `rows`.
    pub fn overRows(self: *Compute, rows: usize, context: anytype, comptime task: anytype) void {
        const Context = @TypeOf(context);
        const Job = struct {
            inner: Context,
            compute: *Compute,
            rows: usize,
            fn run(job: *const @This(), number: usize, thread: usize) void {
                const first = number * rows_per_task;
                const end = @min(first + rows_per_task, job.rows);
                task(job.inner, first, end, job.compute.scratch[thread]);
            }
        };
        const job: Job = .{ .inner = context, .compute = self, .rows = rows };
        self.pool.run((rows + rows_per_task - 1) / rows_per_task, &job, Job.run);
    }

    /// Calls `task(context, number, scratch)` for every number below `tasks`.
    pub fn overTasks(self: *Compute, tasks: usize, context: anytype, comptime task: anytype) void {
        const Context = @TypeOf(context);
        const Job = struct {
            inner: Context,
            compute: *Compute,
            fn run(job: *const @This(), number: usize, thread: usize) void {
                task(job.inner, number, job.compute.scratch[thread]);
            }
        };
        const job: Job = .{ .inner = context, .compute = self };
        self.pool.run(tasks, &job, Job.run);
    }
};

/// Rows of a task that works on activations.
const rows_per_task = 16;

/// Up to as many rows are multiplied one by one: sequences in lock-step, and short extensions.
const gemv_rows_max = 8;

const LinearJob = struct {
    compute: *const Compute,
    rows: usize,
    x: [*]const f32,
    x_stride: usize,
    products: []const Linear,
    quantized: *Quantized,
    tiles: ?tiled.Activations,

    fn pack(job: *LinearJob, first: usize, end: usize, _: Scratch) void {
        comptime assert(rows_per_task % kernels.tile_rows == 0);
        job.tiles.?.pack(job.compute.kernels, job.x + first * job.x_stride, job.x_stride, first, end);
    }

    fn quantize(job: *LinearJob, first: usize, end: usize, _: Scratch) void {
        const columns = job.products[0].weight.columns;
        assert(job.rows * columns <= job.quantized.capacity());
        const to = job.quantized.rounded();
        for (first..end) |row| job.compute.round(job.x + row * job.x_stride, columns, to.from(row * columns));
    }

    /// Weight rows per task. A few rows of x: about 128 KB of weights, a few microseconds of reading.
    /// More: two panels of ours; for BLAS what fits the tile scratch, at most 256, as it packs x each time.
    fn tileRows(job: *const LinearJob, weight: Matrix) usize {
        if (job.tiles != null) return tiled.taskOutputs(weight);
        if (weight.panels) |panels| return panelTileRows(panels.bits, weight.columns);
        if (job.rows <= gemv_rows_max) return @max(8, (1 << 17) / (@as(usize, weight.columns) * 2));
        if (!job.compute.uses_blas) return 2 * page_keys;
        const fits = scratch_tile_floats / weight.columns;
        const most: usize = if (weight.rows >= 2048) 256 else 128;
        return @max(1, if (fits >= 16) @min(most, fits / 16 * 16) else fits);
    }

    fn tilesOf(job: *const LinearJob, weight: Matrix) usize {
        const tile = job.tileRows(weight);
        return (weight.rows + tile - 1) / tile;
    }

    fn run(job: *LinearJob, task: usize, thread: usize) void {
        var number = task;
        for (job.products) |product| {
            const tiles = job.tilesOf(product.weight);
            if (number >= tiles) {
                number -= tiles;
                continue;
            }
            const tile = job.tileRows(product.weight);
            const first = number * tile;
            return job.runTile(product, first, @min(tile, product.weight.rows - first), thread);
        }
        unreachable;
    }

    fn runTile(job: *LinearJob, to: Linear, first: usize, count: usize, thread: usize) void {
        const table = job.compute.kernels;
        const out = to.out + first;
        const weight = to.weight;
        if (job.tiles) |x| {
            const scratch = job.compute.scratch[thread].tile;
            tiled.multiply(table, x, weight, first, count, out, to.out_stride, scratch);
        } else if (weight.panels) |panels| {
            const x = job.quantized.rounded();
            job.compute.productOfRounded(job.rows, x, weight.columns, panels, first, count, out, to.out_stride);
        } else if (job.rows <= gemv_rows_max) {
            // Row after row while the tile is in the cache: the same sum for each as alone.
            for (0..job.rows) |row| {
                const from = weight.rowBytes(first);
                const to_row = out + row * to.out_stride;
                table.gemv(weight.dtype, from, job.x + row * job.x_stride, count, weight.columns, to_row);
            }
        } else {
            const scratch = job.compute.scratch[thread];
            const stride = to.out_stride;
            job.compute.product(scratch, job.rows, job.x, job.x_stride, weight, first, count, out, stride);
        }
        const bias: ?[*]const f32 = if (to.bias) |bias| bias.ptr + first else null;
        for (0..job.rows) |row| {
            const line = out + row * to.out_stride;
            if (to.gelu) table.gelu(line, bias, count) else if (bias) |b| table.add(line, b, count);
        }
    }
};

/// Whole panels of about 128 KB per task: a few microseconds of reading, and what stays in the
/// second-level cache while many rows pass. Pairs of them, as kernels for many rows like them.
fn panelTileRows(bits: kernels.Bits, columns: usize) usize {
    return @max(1, (1 << 16) / kernels.panelBytes(bits, columns)) * 2 * kernels.int8_panel_rows;
}
