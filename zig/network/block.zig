//! One transformer block of the decoder over a number of rows: RMSNorm, attention over the KV cache, SwiGLU.
//!
//!     x f32[rows][hidden] ─► norm ─► q k v ─► cache ─► attention ─► o ─► norm ─► gate up ─► down ─► sum
//!
//! `sum` is what is still to be added to x; the next layer's first norm does it. A layer runs in parts, so that
//! a caller with other work can come back between them. Buffers are sized for the rows and grow.

const std = @import("std");
const buffers_ = @import("../compute/buffers.zig");
const compute_ = @import("../compute/compute.zig");
const config_ = @import("../checkpoint/config.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const kv_cache_ = @import("kv_cache.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;
const Compute = compute_.Compute;
const KvCache = kv_cache_.KvCache;
const Layer = weights_.DecoderLayer;
const Scratch = compute_.Scratch;
const page_keys = kernels.page_keys;

/// Rows computed at a time: bounds the buffers of a long prefill.
pub const rows_max = 512;
/// Query rows of an attention task; a multiple of the kernel's tile.
const attention_task_rows = 96;

/// States of the rows and the angles of their positions.
pub const Rows = struct {
    x: [*]f32, // [count][hidden]
    cos: [*]f32, // [count][head_dim / 2]
    sin: [*]f32, // [count][head_dim / 2]
};

/// One layer's work on `count` rows at consecutive positions of one cache.
pub const Work = struct {
    layer: *const Layer,
    /// The layer's place in the cache.
    layer_index: usize,
    cache: *const KvCache,
    /// Position of the first row.
    position: usize,
    rows: Rows,
    count: usize,
    /// The first row that is looked at afterwards. Those before it get keys and values and nothing else.
    used_first: usize = 0,
    /// `sum` holds what the layer before this one adds to x.
    has_addend: bool,
};

/// The parts of a layer, in their order, each at most about a third of its work.
pub const Part = enum { project, attend, gate, expand, contract };
/// With so few rows a part of its own for the gate would cost more than it is good for: `expand` does it.
const few_rows = 64;

/// Per row of a block; sized for `rows`, which grows by doubling up to rows_max.
const Buffers = struct {
    rows: usize = 0,
    all: []align(64) f32 = &.{},
    x: [*]f32 = undefined, // [hidden]
    normed: [*]f32 = undefined, // [hidden]
    sum: [*]f32 = undefined, // [hidden]
    q: [*]f32 = undefined, // [heads * head_dim]
    k: [*]f32 = undefined, // [kv_heads * head_dim]
    v: [*]f32 = undefined, // [kv_heads * head_dim]
    mixed: [*]f32 = undefined, // [heads * head_dim], attention's result
    gate: [*]f32 = undefined, // [ffn]
    up: [*]f32 = undefined, // [ffn]
    cos: [*]f32 = undefined, // [head_dim / 2]
    sin: [*]f32 = undefined, // [head_dim / 2]
};

pub const Block = struct {
    allocator: std.mem.Allocator,
    compute: *Compute,
    text: config_.Text,
    /// Angle per position of each pair, f32[head_dim / 2].
    rotation: []f32,
    buffers: Buffers = .{},
    quantized: compute_.Quantized,

    pub fn init(allocator: std.mem.Allocator, compute: *Compute, text: config_.Text) errors.Error!Block {
        assert(text.head_dim % 2 == 0);
        assert(text.heads % text.kv_heads == 0);
        const rotation = allocator.alloc(f32, text.head_dim / 2) catch return errors.outOfMemory("a session");
        for (rotation, 0..) |*angle, i| {
            const power = @as(f64, @floatFromInt(2 * i)) / @as(f64, @floatFromInt(text.head_dim));
            angle.* = @floatCast(std.math.pow(f64, text.rope_theta, -power));
        }
        return .{
            .allocator = allocator,
            .compute = compute,
            .text = text,
            .rotation = rotation,
            .quantized = compute.quantized(allocator),
        };
    }

    pub fn deinit(self: *Block) void {
        self.release();
        self.allocator.free(self.rotation);
    }

    /// Frees the buffers, which `resize` makes again.
    pub fn release(self: *Block) void {
        buffers_.free(self.allocator, self.buffers.all);
        self.buffers = .{};
        self.quantized.release();
    }

    /// Bytes of buffers per row, where there are many.
    pub fn rowBytes(text: config_.Text, table: *const kernels.Table) usize {
        var floats: usize = 0;
        for (widths(text)) |width| floats += width;
        const rounded = compute_.Quantized.bytesFor(rows_max, widestProduct(text), table) / rows_max;
        return floats * @sizeOf(f32) + rounded;
    }

    fn widths(t: config_.Text) [11]usize {
        const q = t.heads * t.head_dim;
        const kv = t.kv_heads * t.head_dim;
        const half = t.head_dim / 2;
        return .{ t.hidden, t.hidden, t.hidden, q, kv, kv, q, t.ffn, t.ffn, half, half };
    }

    fn widestProduct(t: config_.Text) usize {
        return @max(t.hidden, t.heads * t.head_dim, t.ffn);
    }

    /// Makes room for `wanted` rows. What the buffers hold is lost where they grow.
    pub fn resize(self: *Block, wanted: usize) errors.Error!void {
        assert(wanted >= 1 and wanted <= rows_max);
        if (wanted <= self.buffers.rows) return;
        const count = std.math.ceilPowerOfTwoAssert(usize, wanted);
        const sizes = widths(self.text);
        try self.quantized.reserve(count, widestProduct(self.text));
        var total: usize = 0;
        for (sizes) |width| total += std.mem.alignForward(usize, count * width, 16);
        const all = buffers_.alloc(f32, self.allocator, total) catch
            return errors.outOfMemory("the decoder's buffers");
        buffers_.free(self.allocator, self.buffers.all);
        var parts: [sizes.len][*]f32 = undefined;
        var at: usize = 0;
        for (sizes, &parts) |width, *part| {
            part.* = all.ptr + at;
            at += std.mem.alignForward(usize, count * width, 16);
        }
        assert(at == total);
        self.buffers = .{
            .rows = count,
            .all = all,
            .x = parts[0],
            .normed = parts[1],
            .sum = parts[2],
            .q = parts[3],
            .k = parts[4],
            .v = parts[5],
            .mixed = parts[6],
            .gate = parts[7],
            .up = parts[8],
            .cos = parts[9],
            .sin = parts[10],
        };
    }

    /// The block's own rows.
    pub fn rows(self: *const Block) Rows {
        return .{ .x = self.buffers.x, .cos = self.buffers.cos, .sin = self.buffers.sin };
    }

    /// Writes the angles of `position` to one row of `to`.
    pub fn rotate(self: *const Block, to: Rows, row: usize, position: usize) void {
        const half = self.rotation.len;
        const place: f32 = @floatFromInt(position);
        for (self.rotation, 0..) |angle, i| {
            const turn: f64 = place * angle;
            to.cos[row * half + i] = @floatCast(@cos(turn));
            to.sin[row * half + i] = @floatCast(@sin(turn));
        }
    }

    /// One part of a layer; the parts of a layer run in order, with nothing between that uses the buffers.
    pub fn run(self: *Block, work: Work, part: Part) void {
        assert(work.count >= 1 and work.count <= self.buffers.rows);
        assert(work.used_first <= work.count);
        switch (part) {
            .project => {
                self.norm(work.rows.x, 0, work.count, work.has_addend, work.layer.norm1);
                self.project(work.layer, work.used_first, work.count);
                self.store(work);
            },
            .attend => {
                self.attend(work.cache, work.layer_index, work.position, work.used_first, work.count);
                self.mix(work.layer, work.used_first, work.count);
            },
            .gate => if (work.count - work.used_first > few_rows) {
                self.norm(work.rows.x, work.used_first, work.count, true, work.layer.norm2);
                self.widen(work.layer, work.used_first, work.count, &.{.gate});
            },
            .expand => if (work.count - work.used_first > few_rows) {
                self.widen(work.layer, work.used_first, work.count, &.{.up});
                self.swiglu(work.used_first, work.count);
            } else self.expand(work.layer, work.rows.x, work.used_first, work.count),
            .contract => self.contract(work.layer, work.used_first, work.count),
        }
    }

    /// normed = rms_norm(x) for rows first..end, after x += sum if there is such an addend.
    pub fn norm(self: *Block, x: [*]f32, first: usize, end: usize, has_addend: bool, weight: []const f32) void {
        assert(first <= end and end <= self.buffers.rows);
        assert(weight.len == self.text.hidden);
        const Job = struct { block: *const Block, x: [*]f32, first: usize, has_addend: bool, weight: [*]const f32 };
        const job: Job = .{ .block = self, .x = x, .first = first, .has_addend = has_addend, .weight = weight.ptr };
        self.compute.overRows(end - first, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: Scratch) void {
                const b = j.block;
                const width = b.text.hidden;
                for (j.first + from..j.first + to) |row| {
                    const line = j.x + row * width;
                    if (j.has_addend) b.compute.kernels.add(line, b.buffers.sum + row * width, width);
                    const out = b.buffers.normed + row * width;
                    b.compute.kernels.rms_norm(line, j.weight, out, width, b.text.rms_eps);
                }
            }
        }.run);
    }

    /// x += sum for rows first..end.
    pub fn addSum(self: *Block, x: [*]f32, first: usize, end: usize) void {
        assert(first <= end and end <= self.buffers.rows);
        const Job = struct { block: *const Block, x: [*]f32, first: usize };
        const job: Job = .{ .block = self, .x = x, .first = first };
        self.compute.overRows(end - first, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: Scratch) void {
                const width = j.block.text.hidden;
                const at = (j.first + from) * width;
                j.block.compute.kernels.add(j.x + at, j.block.buffers.sum + at, (to - from) * width);
            }
        }.run);
    }

    /// Queries of rows first..count, keys and values of all, from the normed rows.
    pub fn project(self: *Block, layer: *const Layer, first: usize, count: usize) void {
        const b = self.buffers;
        const t = self.text;
        const q_width = t.heads * t.head_dim;
        const kv_width = t.kv_heads * t.head_dim;
        const k: compute_.Linear = .{ .weight = layer.k, .out = b.k, .out_stride = kv_width };
        assert(first <= count and count <= b.rows);
        assert(layer.q.rows == q_width and layer.k.rows == kv_width and layer.v.rows == kv_width);
        const v: compute_.Linear = .{ .weight = layer.v, .out = b.v, .out_stride = kv_width };
        const q: compute_.Linear = .{ .weight = layer.q, .out = b.q + first * q_width, .out_stride = q_width };
        if (first == 0) {
            self.compute.linear(&self.quantized, count, b.normed, t.hidden, &.{ q, k, v });
            return;
        }
        self.compute.linear(&self.quantized, count, b.normed, t.hidden, &.{ k, v });
        self.compute.linear(&self.quantized, count - first, b.normed + first * t.hidden, t.hidden, &.{q});
    }

    /// Stores the keys and values of all rows; queries are normed and rotated from `used_first` on.
    fn store(self: *Block, work: Work) void {
        assert(work.position + work.count <= work.cache.pages.items.len * page_keys);
        const Job = struct { block: *const Block, work: *const Work };
        const job: Job = .{ .block = self, .work = &work };
        self.compute.overRows(work.count, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: Scratch) void {
                const w = j.work;
                for (from..to) |row| {
                    const is_used = row >= w.used_first;
                    j.block.storeRow(w.cache, w.layer, w.layer_index, w.rows, row, w.position + row, is_used);
                }
            }
        }.run);
    }

    /// Norms and rotates one row's queries (if they are used) and keys; keys and values go to the cache.
    pub fn storeRow(
        self: *const Block,
        cache: *const KvCache,
        layer: *const Layer,
        layer_index: usize,
        angles: Rows,
        row: usize,
        position: usize,
        is_used: bool,
    ) void {
        const t = self.text;
        const b = self.buffers;
        assert(row < b.rows);
        assert(cache.kv_heads == t.kv_heads and cache.head_dim == t.head_dim);
        const table = self.compute.kernels;
        const size: usize = t.head_dim;
        const half = size / 2;
        const cos = angles.cos + row * half;
        const sin = angles.sin + row * half;
        if (is_used) for (0..t.heads) |head| {
            const q = b.q + (row * t.heads + head) * size;
            table.rms_norm(q, layer.q_norm.ptr, q, size, t.rms_eps);
            table.rope(q, cos, sin, half);
        };
        for (0..t.kv_heads) |head| {
            const k = b.k + (row * t.kv_heads + head) * size;
            table.rms_norm(k, layer.k_norm.ptr, k, size, t.rms_eps);
            table.rope(k, cos, sin, half);
            cache.store(table, layer_index, head, position, k, b.v + (row * t.kv_heads + head) * size);
        }
    }

    /// q to mixed for rows first..end, where row 0 stands at `position`.
    pub fn attend(
        self: *Block,
        cache: *const KvCache,
        layer_index: usize,
        position: usize,
        first: usize,
        end: usize,
    ) void {
        const Job = struct {
            block: *const Block,
            cache: *const KvCache,
            layer_index: usize,
            position: usize,
            first: usize,
            end: usize,
            span: usize,
            spans: usize,
        };
        assert(first <= end and end <= self.buffers.rows);
        const group = self.text.heads / self.text.kv_heads;
        const span = @max(1, attention_task_rows / group); // positions per task
        const spans = (end - first + span - 1) / span;
        const job: Job = .{
            .block = self,
            .cache = cache,
            .layer_index = layer_index,
            .position = position,
            .first = first,
            .end = end,
            .span = span,
            .spans = spans,
        };
        self.compute.overTasks(spans * self.text.kv_heads, &job, struct {
            fn run(j: *const Job, number: usize, scratch: Scratch) void {
                // The last positions come first: they see the most keys and cost most.
                const kv_heads = j.block.text.kv_heads;
                const from = j.first + (j.spans - 1 - number / kv_heads) * j.span;
                const to = @min(from + j.span, j.end);
                const keys = j.position + from + 1;
                j.block.attendSpan(j.cache, j.layer_index, number % kv_heads, from, to, keys, scratch);
            }
        }.run);
    }

    /// Rows from..to of the query heads that share one KV head of the cache. The first row sees `keys_first`
    /// keys, each later one more.
    pub fn attendSpan(
        self: *const Block,
        cache: *const KvCache,
        layer_index: usize,
        kv_head: usize,
        from: usize,
        to: usize,
        keys_first: usize,
        scratch: Scratch,
    ) void {
        const t = self.text;
        const size: usize = t.head_dim;
        const group = t.heads / t.kv_heads;
        assert(from < to and to <= self.buffers.rows);
        assert(kv_head < t.kv_heads);
        const count = (to - from) * group;
        assert(scratch.task.len >= 2 * count * size + kernels.attentionScratch(count, size));
        assert(keys_first + (to - from) - 1 <= cache.pages.items.len * page_keys);
        const queries = scratch.task.ptr;
        const out = queries + count * size;
        const scale = 1 / @sqrt(@as(f32, @floatFromInt(size)));
        for (from..to) |row| {
            const q = self.buffers.q + (row * t.heads + kv_head * group) * size;
            const packed_row = queries + (row - from) * group * size;
            for (packed_row[0 .. group * size], q) |*value, source| value.* = source * scale;
        }
        const offset = cache.keyOffset(layer_index, kv_head);
        self.compute.kernels.attention(&.{
            .queries = queries,
            .out = out,
            .pages = @ptrCast(cache.pages.items.ptr),
            .kv = cache.kind,
            .key_offset = offset,
            .value_offset = offset + size * page_keys,
            .scratch = out + count * size,
            .rows = @intCast(count),
            .head_dim = t.head_dim,
            .keys_first = @intCast(keys_first),
            .rows_per_position = group,
            .causal = true,
        });
        for (from..to) |row| {
            const mixed = self.buffers.mixed + (row * t.heads + kv_head * group) * size;
            @memcpy(mixed[0 .. group * size], out + (row - from) * group * size);
        }
    }

    /// From attention's result to what is to be added to x, in `sum`, rows first..count.
    pub fn mix(self: *Block, layer: *const Layer, first: usize, count: usize) void {
        const b = self.buffers;
        const t = self.text;
        const q_width = t.heads * t.head_dim;
        assert(first <= count and count <= b.rows);
        assert(layer.o.columns == q_width and layer.o.rows == t.hidden);
        self.compute.linear(&self.quantized, count - first, b.mixed + first * q_width, q_width, &.{
            .{ .weight = layer.o, .out = b.sum + first * t.hidden, .out_stride = t.hidden },
        });
    }

    /// Adds it, and goes on to the feed-forward's inner width.
    pub fn expand(self: *Block, layer: *const Layer, x: [*]f32, first: usize, count: usize) void {
        self.norm(x, first, count, true, layer.norm2);
        self.widen(layer, first, count, &.{ .gate, .up });
        self.swiglu(first, count);
    }

    /// The normed rows times one of the feed-forward's two matrices, or both in one job.
    fn widen(
        self: *Block,
        layer: *const Layer,
        first: usize,
        count: usize,
        comptime which: []const enum { gate, up },
    ) void {
        const b = self.buffers;
        const t = self.text;
        assert(first <= count and count <= b.rows);
        assert(layer.gate.rows == t.ffn and layer.up.rows == t.ffn);
        var products: [which.len]compute_.Linear = undefined;
        for (&products, which) |*product, one| product.* = switch (one) {
            .gate => .{ .weight = layer.gate, .out = b.gate + first * t.ffn, .out_stride = t.ffn },
            .up => .{ .weight = layer.up, .out = b.up + first * t.ffn, .out_stride = t.ffn },
        };
        self.compute.linear(&self.quantized, count - first, b.normed + first * t.hidden, t.hidden, &products);
    }

    /// From there to what is to be added to x, in `sum`.
    pub fn contract(self: *Block, layer: *const Layer, first: usize, count: usize) void {
        const b = self.buffers;
        const t = self.text;
        assert(first <= count and count <= b.rows);
        assert(layer.down.columns == t.ffn and layer.down.rows == t.hidden);
        self.compute.linear(&self.quantized, count - first, b.gate + first * t.ffn, t.ffn, &.{
            .{ .weight = layer.down, .out = b.sum + first * t.hidden, .out_stride = t.hidden },
        });
    }

    fn swiglu(self: *Block, first: usize, end: usize) void {
        const Job = struct { block: *const Block, first: usize };
        const job: Job = .{ .block = self, .first = first };
        self.compute.overRows(end - first, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: Scratch) void {
                const b = j.block.buffers;
                const width = j.block.text.ffn;
                const at = (j.first + from) * width;
                j.block.compute.kernels.swiglu(b.gate + at, b.up + at, (to - from) * width);
            }
        }.run);
    }
};
