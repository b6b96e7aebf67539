//! The decoder: token ids and audio rows to the logits of the next token, with a KV cache.
//!
//!     ids, rows ─► x f32[n][hidden] ─► layers (RMSNorm, attention over the cache, SwiGLU) ─► last row
//!         ─► RMSNorm ─► head ─► logits f32[vocab]
//!
//! The cache is a list of pages of 64 positions, all layers together; it grows a page at a time and
//! is never copied. Appending a token when its page is there allocates nothing.

const std = @import("std");
const buffers_ = @import("../compute/buffers.zig");
const errors = @import("../errors.zig");
const compute_ = @import("../compute/compute.zig");
const kernels = @import("../kernels/kernels.zig");
const weights_ = @import("../checkpoint/weights.zig");
const config_ = @import("../checkpoint/config.zig");
const assert = std.debug.assert;
const Compute = compute_.Compute;
const Scratch = compute_.Scratch;
const page_keys = kernels.page_keys;

/// Positions computed at a time: bounds the buffers of a long prefill.
const block_rows = 512;
/// Query rows of an attention task; a multiple of the kernel's tile.
const attention_task_rows = 96;
/// Rows of the head per task.
const head_tile = 1024;

pub const Decoder = struct {
    allocator: std.mem.Allocator,
    compute: *Compute,
    text: config_.Text,
    weights: *const weights_.DecoderWeights,
    cancelled: *const std.atomic.Value(bool),
    /// Angle per position of each pair, f32[head_dim / 2].
    rotation: []f32,
    kv: kernels.Kv,
    pages: std.ArrayList([*]align(64) u8) = .empty,
    positions: u32 = 0,
    buffers: Buffers = .{},
    quantized: compute_.Quantized,
    /// Normed state of the last position, f32[hidden]; meaningful when `state` is not .none.
    last: []f32,
    logits: []f32,
    peaks: []kernels.Peak,
    state: enum { none, hidden, logits } = .none,

    /// Per row of a block; sized for `rows`, which grows by doubling up to block_rows.
    const Buffers = struct {
        rows: usize = 0,
        all: []align(64) f32 = &.{},
        x: [*]f32 = undefined, // [hidden]
        normed: [*]f32 = undefined, // [hidden]
        sum: [*]f32 = undefined, // [hidden], what a residual addition adds
        q: [*]f32 = undefined, // [heads * head_dim]
        k: [*]f32 = undefined, // [kv_heads * head_dim]
        v: [*]f32 = undefined, // [kv_heads * head_dim]
        mixed: [*]f32 = undefined, // [heads * head_dim], attention's result
        gate: [*]f32 = undefined, // [ffn]
        up: [*]f32 = undefined, // [ffn]
        cos: [*]f32 = undefined, // [head_dim / 2]
        sin: [*]f32 = undefined, // [head_dim / 2]
    };

    pub fn init(
        allocator: std.mem.Allocator,
        compute: *Compute,
        text: config_.Text,
        weights: *const weights_.DecoderWeights,
        cancelled: *const std.atomic.Value(bool),
    ) errors.Error!Decoder {
        const fail = errors.outOfMemory;
        const half = text.head_dim / 2;
        const rotation = allocator.alloc(f32, half) catch return fail("a session");
        errdefer allocator.free(rotation);
        for (rotation, 0..) |*angle, i| {
            const power = @as(f64, @floatFromInt(2 * i)) / @as(f64, @floatFromInt(text.head_dim));
            angle.* = @floatCast(std.math.pow(f64, text.rope_theta, -power));
        }
        const last = allocator.alloc(f32, text.hidden) catch return fail("a session");
        errdefer allocator.free(last);
        const vocab = weights.head.rows;
        const logits = allocator.alloc(f32, vocab) catch return fail("a session");
        errdefer allocator.free(logits);
        const peaks = allocator.alloc(kernels.Peak, (vocab + head_tile - 1) / head_tile) catch
            return fail("a session");
        return .{
            .allocator = allocator,
            .compute = compute,
            .text = text,
            .weights = weights,
            .kv = kvOf(weights),
            .cancelled = cancelled,
            .quantized = .{ .allocator = allocator },
            .rotation = rotation,
            .last = last,
            .logits = logits,
            .peaks = peaks,
        };
    }

    pub fn deinit(self: *Decoder) void {
        for (self.pages.items) |page| buffers_.free(self.allocator, page[0..self.pageBytes()]);
        self.pages.deinit(self.allocator);
        buffers_.free(self.allocator, self.buffers.all);
        self.quantized.deinit();
        self.allocator.free(self.rotation);
        self.allocator.free(self.last);
        self.allocator.free(self.logits);
        self.allocator.free(self.peaks);
    }

    /// Where weights are rounded, keys and values are, too: to 16 bits.
    pub fn kvOf(weights: *const weights_.DecoderWeights) kernels.Kv {
        return if (weights.layers[0].k.panels != null) .f16 else .f32;
    }

    fn pageBytes(self: *const Decoder) usize {
        return positionBytes(self.text, self.kv) * page_keys;
    }

    /// Bytes of cache per position.
    pub fn positionBytes(text: config_.Text, kv: kernels.Kv) u64 {
        return @as(u64, text.layers) * text.kv_heads * 2 * text.head_dim * kv.size();
    }

    /// Forgets what comes after the first `positions`. Pages stay for reuse.
    pub fn truncate(self: *Decoder, positions: u32) void {
        assert(positions <= self.positions);
        self.positions = positions;
        self.state = .none;
    }

    /// Appends ids; each `audio_id` among them takes the next of rows f32[][hidden]. The caller has
    /// checked the ids and their number of audio places. After a failure the session is as before.
    pub fn extend(
        self: *Decoder,
        ids: []const u32,
        audio_id: u32,
        rows: [*]const f32,
    ) errors.Error!void {
        if (ids.len == 0) return;
        try self.checkRoom(ids.len);
        const before = self.positions;
        errdefer self.truncate(before);
        self.keepRow(try self.append(ids, audio_id, rows, 1));
    }

    pub fn checkRoom(self: *const Decoder, count: usize) errors.Error!void {
        const limit = self.text.positions_max;
        if (count > limit - self.positions) return errors.fail(
            error.TooLong,
            "{d} positions are more than the model's {d}",
            .{ self.positions + count, limit },
        );
    }

    /// Makes this normed row what `next` is asked about.
    pub fn keepRow(self: *Decoder, row: [*]const f32) void {
        @memcpy(self.last, row);
        self.state = .hidden;
    }

    /// Appends ids as `extend` does. Returns their last `wanted` rows, normed, good until the next call.
    pub fn append(
        self: *Decoder,
        ids: []const u32,
        audio_id: u32,
        rows: [*]const f32,
        wanted: usize,
    ) errors.Error![*]const f32 {
        assert(wanted >= 1 and wanted <= @min(ids.len, block_rows));
        try self.reserve(self.positions + ids.len);
        try self.resize(@min(ids.len, block_rows));
        self.state = .none;
        var audio_row: usize = 0;
        var first: usize = 0;
        var count: usize = 0;
        while (first < ids.len) {
            count = blockRows(ids.len - first, wanted);
            const block = ids[first..][0..count];
            for (block, 0..) |id, row| {
                const x = self.buffers.x + row * self.text.hidden;
                if (id == audio_id) {
                    @memcpy(x[0..self.text.hidden], rows[audio_row * self.text.hidden ..]);
                    audio_row += 1;
                } else self.embed(id, x);
            }
            first += count;
            try self.forward(count, if (first == ids.len) wanted else 0);
            self.positions += @intCast(count);
        }
        return self.buffers.normed + (count - wanted) * self.text.hidden;
    }

    /// Rows of the next block, of `left`: the last one has all that are wanted.
    fn blockRows(left: usize, wanted: usize) usize {
        if (left <= block_rows) return left;
        return @min(block_rows, left - @min(wanted, left));
    }

    pub fn embed(self: *const Decoder, id: u32, x: [*]f32) void {
        const matrix = self.weights.embed;
        assert(id < matrix.rows);
        self.compute.kernels.widen(matrix.dtype, matrix.rowBytes(id), x, matrix.columns);
    }

    pub fn reserve(self: *Decoder, positions: usize) errors.Error!void {
        while (self.pages.items.len * page_keys < positions) {
            const page = buffers_.alloc(u8, self.allocator, self.pageBytes()) catch
                return errors.outOfMemory("the KV cache");
            self.pages.append(self.allocator, page.ptr) catch {
                buffers_.free(self.allocator, page);
                return errors.outOfMemory("the KV cache");
            };
        }
    }

    pub fn resize(self: *Decoder, wanted: usize) errors.Error!void {
        if (wanted <= self.buffers.rows) return;
        const rows = std.math.ceilPowerOfTwoAssert(usize, wanted);
        const t = self.text;
        const widths = [_]usize{
            t.hidden,                t.hidden,             t.hidden, t.heads * t.head_dim, t.kv_heads * t.head_dim,
            t.kv_heads * t.head_dim, t.heads * t.head_dim, t.ffn,    t.ffn,                t.head_dim / 2,
            t.head_dim / 2,
        };
        try self.quantized.reserve(rows * @max(t.hidden, t.heads * t.head_dim, t.ffn));
        var total: usize = 0;
        for (widths) |width| total += std.mem.alignForward(usize, rows * width, 16);
        const all = buffers_.alloc(f32, self.allocator, total) catch
            return errors.outOfMemory("the decoder's buffers");
        buffers_.free(self.allocator, self.buffers.all);
        var parts: [widths.len][*]f32 = undefined;
        var at: usize = 0;
        for (widths, &parts) |width, *part| {
            part.* = all.ptr + at;
            at += std.mem.alignForward(usize, rows * width, 16);
        }
        self.buffers = .{
            .rows = rows,
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

    /// One block of rows through all layers. Only its last `wanted` rows are looked at afterwards, so
    /// the last layer computes keys and values for all rows but the rest for those.
    fn forward(self: *Decoder, count: usize, wanted: usize) errors.Error!void {
        const b = self.buffers;
        const t = self.text;
        for (0..count) |row| self.rotate(row, self.positions + row);
        for (self.weights.layers, 0..) |*layer, index| {
            if (self.cancelled.load(.monotonic)) return errors.fail(error.Cancelled, "cancelled", .{});
            const used = if (index + 1 < t.layers) count else wanted;
            const first = count - used;
            self.norm(0, count, index > 0, layer.norm1, b.normed);
            self.project(layer, first, count);
            self.store(layer, index, first, count);
            self.attend(index, first, count);
            self.finishLayer(layer, first, count);
        }
        if (wanted > 0) self.norm(count - wanted, count, true, self.weights.norm, b.normed);
    }

    /// Queries of rows first..count, keys and values of all, from the normed rows.
    pub fn project(self: *Decoder, layer: *const weights_.DecoderLayer, first: usize, count: usize) void {
        const b = self.buffers;
        const t = self.text;
        const q_width = t.heads * t.head_dim;
        const kv_width = t.kv_heads * t.head_dim;
        const k: compute_.Linear = .{ .weight = layer.k, .out = b.k, .out_stride = kv_width };
        const v: compute_.Linear = .{ .weight = layer.v, .out = b.v, .out_stride = kv_width };
        const q: compute_.Linear = .{ .weight = layer.q, .out = b.q + first * q_width, .out_stride = q_width };
        if (first == 0) {
            self.compute.linear(&self.quantized, count, b.normed, t.hidden, &.{ q, k, v });
            return;
        }
        self.compute.linear(&self.quantized, count, b.normed, t.hidden, &.{ k, v });
        self.compute.linear(&self.quantized, count - first, b.normed + first * t.hidden, t.hidden, &.{q});
    }

    /// From attention's result to the layer's addend in `sum`, rows first..count.
    pub fn finishLayer(self: *Decoder, layer: *const weights_.DecoderLayer, first: usize, count: usize) void {
        const b = self.buffers;
        const t = self.text;
        const used = count - first;
        const q_width = t.heads * t.head_dim;
        self.compute.linear(&self.quantized, used, b.mixed + first * q_width, q_width, &.{
            .{ .weight = layer.o, .out = b.sum + first * t.hidden, .out_stride = t.hidden },
        });
        self.norm(first, count, true, layer.norm2, b.normed);
        self.compute.linear(&self.quantized, used, b.normed + first * t.hidden, t.hidden, &.{
            .{ .weight = layer.gate, .out = b.gate + first * t.ffn, .out_stride = t.ffn },
            .{ .weight = layer.up, .out = b.up + first * t.ffn, .out_stride = t.ffn },
        });
        self.swiglu(first, count);
        self.compute.linear(&self.quantized, used, b.gate + first * t.ffn, t.ffn, &.{
            .{ .weight = layer.down, .out = b.sum + first * t.hidden, .out_stride = t.hidden },
        });
    }

    /// cos and sin of one row, which stands at position `at`.
    pub fn rotate(self: *Decoder, row: usize, at: usize) void {
        const half = self.text.head_dim / 2;
        const position: f32 = @floatFromInt(at);
        for (self.rotation, 0..) |angle, i| {
            const turn: f64 = position * angle;
            self.buffers.cos[row * half + i] = @floatCast(@cos(turn));
            self.buffers.sin[row * half + i] = @floatCast(@sin(turn));
        }
    }

    /// out = rms_norm(x) for rows first..end, after x += sum if there is such an addend.
    pub fn norm(self: *Decoder, first: usize, end: usize, addend: bool, weight: []const f32, out: [*]f32) void {
        const Job = struct { decoder: *const Decoder, first: usize, addend: bool, weight: [*]const f32, out: [*]f32 };
        const job: Job = .{
            .decoder = self,
            .first = first,
            .addend = addend,
            .weight = weight.ptr,
            .out = out,
        };
        self.compute.overRows(end - first, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: Scratch) void {
                const d = j.decoder;
                const width = d.text.hidden;
                for (j.first + from..j.first + to) |row| {
                    const x = d.buffers.x + row * width;
                    if (j.addend) d.compute.kernels.add(x, d.buffers.sum + row * width, width);
                    d.compute.kernels.rms_norm(x, j.weight, j.out + row * width, width, d.text.rms_eps);
                }
            }
        }.run);
    }

    fn swiglu(self: *Decoder, first: usize, end: usize) void {
        const Job = struct { decoder: *const Decoder, first: usize };
        const job: Job = .{ .decoder = self, .first = first };
        self.compute.overRows(end - first, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: Scratch) void {
                const b = j.decoder.buffers;
                const width = j.decoder.text.ffn;
                const at = (j.first + from) * width;
                j.decoder.compute.kernels.swiglu(b.gate + at, b.up + at, (to - from) * width);
            }
        }.run);
    }

    /// Norms and rotates queries (of rows from `first_used` on) and keys; keys and values go to
    /// the cache.
    pub fn store(
        self: *Decoder,
        layer: *const weights_.DecoderLayer,
        layer_index: usize,
        first_used: usize,
        count: usize,
    ) void {
        const Job = struct {
            decoder: *const Decoder,
            layer: *const weights_.DecoderLayer,
            layer_index: usize,
            first_used: usize,
        };
        const job: Job = .{
            .decoder = self,
            .layer = layer,
            .layer_index = layer_index,
            .first_used = first_used,
        };
        self.compute.overRows(count, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: Scratch) void {
                for (from..to) |row| {
                    j.decoder.storeRow(j.decoder, j.layer, j.layer_index, row, row, row >= j.first_used);
                }
            }
        }.run);
    }

    /// Row `row` of the buffers, which stands `ahead` positions behind the end of `owner`'s cache.
    fn storeRow(
        self: *const Decoder,
        owner: *const Decoder,
        layer: *const weights_.DecoderLayer,
        layer_index: usize,
        row: usize,
        ahead: usize,
        used: bool,
    ) void {
        const t = self.text;
        const b = self.buffers;
        const table = self.compute.kernels;
        const size: usize = t.head_dim;
        const half = size / 2;
        const cos = b.cos + row * half;
        const sin = b.sin + row * half;
        if (used) for (0..t.heads) |head| {
            const q = b.q + (row * t.heads + head) * size;
            table.rms_norm(q, layer.q_norm.ptr, q, size, t.rms_eps);
            table.rope(q, cos, sin, half);
        };
        const position = owner.positions + ahead;
        const page = owner.pages.items[position / page_keys];
        const slot = position % page_keys;
        for (0..t.kv_heads) |head| {
            const k = b.k + (row * t.kv_heads + head) * size;
            table.rms_norm(k, layer.k_norm.ptr, k, size, t.rms_eps);
            table.rope(k, cos, sin, half);
            const v = b.v + (row * t.kv_heads + head) * size;
            const pair = page + self.keyOffset(layer_index, head) * self.kv.size();
            switch (self.kv) {
                .f32 => {
                    const keys: [*]f32 = @ptrCast(@alignCast(pair));
                    for (0..size) |i| keys[i * page_keys + slot] = k[i];
                    @memcpy((keys + (page_keys + slot) * size)[0..size], v);
                },
                .f16 => {
                    const keys: [*]f16 = @ptrCast(@alignCast(pair));
                    const narrow: [*]f16 = @ptrCast(k); // In place: each is read before it is overwritten.
                    table.narrow(k, narrow, size);
                    for (0..size) |i| keys[i * page_keys + slot] = narrow[i];
                    table.narrow(v, keys + (page_keys + slot) * size, size);
                },
            }
        }
    }

    fn keyOffset(self: *const Decoder, layer: usize, head: usize) usize {
        return (layer * self.text.kv_heads + head) * 2 * self.text.head_dim * page_keys;
    }

    /// q to mixed, rows first..end.
    pub fn attend(self: *Decoder, layer: usize, first: usize, end: usize) void {
        const Job = struct { decoder: *const Decoder, layer: usize, first: usize, end: usize, span: usize };
        const group = self.text.heads / self.text.kv_heads;
        const span = @max(1, attention_task_rows / group); // positions per task
        const job: Job = .{ .decoder = self, .layer = layer, .first = first, .end = end, .span = span };
        const spans = (end - first + span - 1) / span;
        self.compute.overTasks(spans * self.text.kv_heads, &job, struct {
            fn run(j: *const Job, number: usize, scratch: Scratch) void {
                // Long rows last in position, first in turn: they cost most.
                const tasks = (j.end - j.first + j.span - 1) / j.span;
                const kv_heads = j.decoder.text.kv_heads;
                const from = j.first + (tasks - 1 - number / kv_heads) * j.span;
                const to = @min(from + j.span, j.end);
                const keys_first = j.decoder.positions + from + 1;
                j.decoder.attendSpan(j.decoder, j.layer, number % kv_heads, from, to, keys_first, scratch);
            }
        }.run);
    }

    /// Rows from..to of the query heads that share one KV head of `owner`'s cache; the first row sees
    /// `keys_first` keys, each later one more.
    fn attendSpan(
        self: *const Decoder,
        owner: *const Decoder,
        layer: usize,
        kv_head: usize,
        from: usize,
        to: usize,
        keys_first: usize,
        scratch: Scratch,
    ) void {
        const t = self.text;
        const size: usize = t.head_dim;
        const group = t.heads / t.kv_heads;
        const rows = (to - from) * group;
        assert(scratch.task.len >= 2 * rows * size + kernels.attentionScratch(rows, size));
        const queries = scratch.task.ptr;
        const out = queries + rows * size;
        const scale = 1 / @sqrt(@as(f32, @floatFromInt(size)));
        for (from..to) |row| {
            const q = self.buffers.q + (row * t.heads + kv_head * group) * size;
            const packed_row = queries + (row - from) * group * size;
            for (packed_row[0 .. group * size], q) |*value, source| value.* = source * scale;
        }
        const offset = self.keyOffset(layer, kv_head);
        self.compute.kernels.attention(&.{
            .queries = queries,
            .out = out,
            .pages = @ptrCast(owner.pages.items.ptr),
            .kv = self.kv,
            .key_offset = offset,
            .value_offset = offset + size * page_keys,
            .scratch = out + rows * size,
            .rows = @intCast(rows),
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

    pub const step_max = 8;

    /// Appends ids[i] to decoders[i], which are different ones of one model, and scores them all: the
    /// weights are read once. To the bit what extending each by itself gives.
    pub fn step(decoders: []const *Decoder, ids: []const u32) errors.Error!void {
        assert(decoders.len == ids.len and decoders.len >= 1 and decoders.len <= step_max);
        const lead = decoders[0];
        for (decoders) |one| {
            if (one.positions == one.text.positions_max) return errors.fail(
                error.TooLong,
                "{d} positions are more than the model's {d}",
                .{ one.positions + 1, one.text.positions_max },
            );
            try one.reserve(one.positions + 1);
        }
        try lead.resize(decoders.len);
        for (decoders, ids, 0..) |one, id, row| {
            lead.embed(id, lead.buffers.x + row * lead.text.hidden);
            lead.rotate(row, one.positions);
        }
        const job: Step = .{ .lead = lead, .decoders = decoders };
        for (lead.weights.layers, 0..) |*layer, index| {
            for (decoders) |one| {
                if (one.cancelled.load(.monotonic)) return errors.fail(error.Cancelled, "cancelled", .{});
            }
            lead.norm(0, decoders.len, index > 0, layer.norm1, lead.buffers.normed);
            lead.project(layer, 0, decoders.len);
            const at: Step.Layer = .{ .step = &job, .layer = layer, .index = index };
            lead.compute.overTasks(decoders.len, &at, Step.Layer.store);
            lead.compute.overTasks(decoders.len * lead.text.kv_heads, &at, Step.Layer.attend);
            lead.finishLayer(layer, 0, decoders.len);
        }
        lead.norm(0, decoders.len, true, lead.weights.norm, lead.buffers.normed);
        for (decoders, 0..) |one, row| {
            @memcpy(one.last, lead.buffers.normed[row * lead.text.hidden ..]);
            one.positions += 1;
        }
        job.score();
    }

    /// Makes logits and their peaks per tile, once per extend.
    fn score(self: *Decoder) errors.Error!void {
        if (self.state == .none) {
            return errors.fail(error.Invalid, "nothing was appended to the session yet", .{});
        }
        if (self.state == .logits) return;
        const job: Step = .{ .lead = self, .decoders = &.{self} };
        job.score();
    }

    /// Logits of the 8-bit head are good to tell the likely tokens from the rest; which of the
    /// likely ones is first is decided by the weights as they are in the file.
    fn rescore(self: *Decoder) void {
        var ids: [rescored]u32 = undefined;
        var values: [rescored]f32 = undefined;
        self.best(&ids, &values);
        const head = self.weights.head;
        const table = self.compute.kernels;
        for (ids) |id| {
            const row = head.rowBytes(id);
            table.gemv(head.dtype, row, self.last.ptr, 1, head.columns, self.logits.ptr + id);
        }
        for (ids) |id| {
            const tile = id / head_tile;
            const first = tile * head_tile;
            const count = @min(head_tile, head.rows - first);
            table.peak(self.logits.ptr + first, count, &self.peaks[tile]);
        }
    }

    const rescored = 8;

    /// The greatest logits, best first; tiles whose peak is lower than the last are skipped.
    fn best(self: *const Decoder, ids: []u32, values: []f32) void {
        @memset(values, -std.math.inf(f32));
        @memset(ids, 0);
        for (self.peaks, 0..) |peak, tile| {
            const first = tile * head_tile;
            const logits = self.logits[first..@min(first + head_tile, self.logits.len)];
            if (peak.value <= values[values.len - 1]) continue;
            for (logits, first..) |value, id| {
                if (value <= values[values.len - 1]) continue;
                var rank = values.len - 1;
                while (rank > 0 and values[rank - 1] < value) : (rank -= 1) {
                    values[rank] = values[rank - 1];
                    ids[rank] = ids[rank - 1];
                }
                values[rank] = value;
                ids[rank] = @intCast(id);
            }
        }
    }

    /// Several sequences, one row each, in the buffers of the first.
    pub const Step = struct {
        lead: *Decoder,
        decoders: []const *Decoder,

        const Layer = struct {
            step: *const Step,
            layer: *const weights_.DecoderLayer,
            index: usize,

            fn store(l: *const Layer, row: usize, _: Scratch) void {
                l.step.lead.storeRow(l.step.decoders[row], l.layer, l.index, row, 0, true);
            }

            fn attend(l: *const Layer, number: usize, scratch: Scratch) void {
                const lead = l.step.lead;
                const kv_heads = lead.text.kv_heads;
                const row = number / kv_heads;
                const owner = l.step.decoders[row];
                const keys = owner.positions + 1;
                lead.attendSpan(owner, l.index, number % kv_heads, row, row + 1, keys, scratch);
            }
        };

        /// Logits and peaks of every sequence from its `last`.
        pub fn score(self: *const Step) void {
            const head = self.lead.weights.head;
            const q = self.lead.quantized;
            const blocks = head.columns / kernels.int8_block;
            if (head.panels != null) for (self.decoders, 0..) |one, row| {
                const bytes = q.bytes.ptr + row * head.columns;
                const scales = q.scales.ptr + row * blocks;
                const starts = q.starts.ptr + row * blocks;
                self.lead.compute.kernels.int8_quantize(one.last.ptr, head.columns, bytes, scales, starts);
            };
            self.lead.compute.overTasks(self.lead.peaks.len, self, scoreTile);
            for (self.decoders) |one| {
                if (head.panels != null) one.rescore();
                one.state = .logits;
            }
        }

        fn scoreTile(self: *const Step, number: usize, scratch: Scratch) void {
            const head = self.lead.weights.head;
            const table = self.lead.compute.kernels;
            const first = number * head_tile;
            const count = @min(head_tile, head.rows - first);
            if (head.panels) |panels| table.int8_gemm(&.{
                .bits = panels.bits,
                .weights = panels.from(head.columns, first),
                .x = self.lead.quantized.bytes.ptr,
                .scales = self.lead.quantized.scales.ptr,
                .starts = self.lead.quantized.starts.ptr,
                .out = scratch.task.ptr,
                .out_stride = head_tile,
                .rows = self.decoders.len,
                .columns = head.columns,
                .panels = (count + kernels.int8_panel_rows - 1) / kernels.int8_panel_rows,
                .rows_valid = count,
            });
            for (self.decoders, 0..) |one, row| {
                const out = one.logits.ptr + first;
                if (head.panels != null) {
                    @memcpy(out[0..count], scratch.task[row * head_tile ..][0..count]);
                } else {
                    const from = head.rowBytes(first);
                    table.gemv(head.dtype, from, one.last.ptr, count, head.columns, out);
                }
                table.peak(out, count, &one.peaks[number]);
            }
        }
    };

    pub const Next = struct { id: u32, logprob: f32 };

    /// The greatest logit's token (the lowest id among equals) and its log-probability.
    pub fn next(self: *Decoder) errors.Error!Next {
        try self.score();
        var tile: usize = 0;
        for (self.peaks, 0..) |peak, i| {
            if (peak.value > self.peaks[tile].value) tile = i;
        }
        const greatest = self.peaks[tile].value;
        var sum: f64 = 0;
        for (self.peaks) |peak| sum += @as(f64, peak.exp_sum) * @exp(@as(f64, peak.value) - greatest);
        return .{
            .id = @intCast(tile * head_tile + self.peaks[tile].index),
            .logprob = @floatCast(-@log(sum)),
        };
    }

    /// The k greatest logits, best first.
    pub fn top(self: *Decoder, ids: []u32, logits: []f32) errors.Error!void {
        assert(ids.len == logits.len and ids.len <= self.logits.len);
        try self.score();
        self.best(ids, logits);
    }
};
