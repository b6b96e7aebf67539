//! The decoder of one sequence: a KV cache, a block with its buffers, and the scores of the next token.
//!
//!     ids, rows ─► x f32[n][hidden] ─► layers (block.zig) ─► last row ─► RMSNorm ─► head.zig ─► logits f32[vocab]
//!
//! `Append` takes ids in, `step` one more id for each of several decoders. Appending a token when its page is
//! there allocates nothing.

const std = @import("std");
const block_ = @import("block.zig");
const compute_ = @import("../compute/compute.zig");
const config_ = @import("../checkpoint/config.zig");
const errors = @import("../errors.zig");
const head_ = @import("head.zig");
const kernels = @import("../kernels/kernels.zig");
const kv_cache_ = @import("kv_cache.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;
const Block = block_.Block;
const Compute = compute_.Compute;
const Scores = head_.Scores;
const Scratch = compute_.Scratch;

pub const Decoder = struct {
    allocator: std.mem.Allocator,
    compute: *Compute,
    text: config_.Text,
    weights: *const weights_.DecoderWeights,
    cancelled: *const std.atomic.Value(bool),
    block: Block,
    cache: kv_cache_.KvCache,
    head: head_.Head,
    scores: Scores,

    pub fn init(
        allocator: std.mem.Allocator,
        compute: *Compute,
        text: config_.Text,
        weights: *const weights_.DecoderWeights,
        cancelled: *const std.atomic.Value(bool),
    ) errors.Error!Decoder {
        assert(weights.layers.len == text.layers);
        assert(weights.head.columns == text.hidden);
        var block: Block = try .init(allocator, compute, text);
        errdefer block.deinit();
        const scores = Scores.init(allocator, text.hidden, weights.head.rows) catch
            return errors.outOfMemory("a session");
        return .{
            .allocator = allocator,
            .compute = compute,
            .text = text,
            .weights = weights,
            .cancelled = cancelled,
            .block = block,
            .cache = .init(allocator, text, kvOf(weights)),
            .head = .{ .compute = compute, .weight = weights.head },
            .scores = scores,
        };
    }

    pub fn deinit(self: *Decoder) void {
        self.cache.release();
        self.block.deinit();
        self.scores.deinit();
    }

    /// Forgets all positions and frees pages and buffers; they are made again when needed.
    pub fn release(self: *Decoder) void {
        self.truncate(0);
        self.cache.release();
        self.block.release();
    }

    /// Where weights are rounded, keys and values are, too: to 16 bits.
    pub fn kvOf(weights: *const weights_.DecoderWeights) kernels.Kv {
        return if (weights.layers[0].k.panels != null) .f16 else .f32;
    }

    /// Forgets what comes after the first `positions`. Pages stay for reuse.
    pub fn truncate(self: *Decoder, positions: u32) void {
        assert(positions <= self.cache.positions);
        self.cache.positions = positions;
        self.scores.state = .none;
    }

    pub fn checkRoom(self: *const Decoder, count: usize) errors.Error!void {
        const limit = self.text.positions_max;
        assert(self.cache.positions <= limit);
        if (count > limit - self.cache.positions) return errors.fail(
            error.TooLong,
            "{d} positions are more than the model's {d}",
            .{ self.cache.positions + count, limit },
        );
    }

    /// The state f32[hidden] that a text token begins with.
    pub fn embed(self: *const Decoder, id: u32, x: [*]f32) void {
        const matrix = self.weights.embed;
        assert(id < matrix.rows and matrix.columns == self.text.hidden);
        self.compute.kernels.widen(matrix.dtype, matrix.rowBytes(id), x, matrix.columns);
    }

    /// The greedy next token.
    pub fn next(self: *Decoder) errors.Error!head_.Next {
        try self.score();
        return self.scores.next();
    }

    /// The k greatest logits, best first.
    pub fn top(self: *Decoder, ids: []u32, logits: []f32) errors.Error!void {
        assert(ids.len == logits.len and ids.len <= self.scores.logits.len);
        try self.score();
        self.scores.best(ids, logits);
    }

    /// Makes the logits, once for every state.
    fn score(self: *Decoder) errors.Error!void {
        switch (self.scores.state) {
            .none => return errors.fail(error.Invalid, "nothing was appended to the session yet", .{}),
            .hidden => self.head.score(&self.block.quantized, &.{&self.scores}),
            .logits => {},
        }
    }

    /// Decoders in one step: their rows are scored together.
    pub const step_max = head_.together_max;

    /// Appends ids[i] to decoders[i], which are different ones of one model, and scores them all: the
    /// weights are read once. To the bit what appending to each by itself gives. On failure none has
    /// changed; `culprit` gets the index of the decoder that failed, and keeps its value where none did.
    pub fn step(decoders: []const *Decoder, ids: []const u32, culprit: *usize) errors.Error!void {
        assert(decoders.len == ids.len and decoders.len >= 1 and decoders.len <= step_max);
        for (decoders, 0..) |one, i| {
            assert(one.weights == decoders[0].weights);
            errdefer culprit.* = i;
            try one.checkRoom(1);
            try one.cache.reserve(one.cache.positions + 1);
        }
        const block = &decoders[0].block;
        try block.resize(decoders.len);
        const rows = block.rows();
        for (decoders, ids, 0..) |one, id, row| {
            one.embed(id, rows.x + row * block.text.hidden);
            block.rotate(rows, row, one.cache.positions);
        }
        for (decoders[0].weights.layers, 0..) |*layer, index| {
            for (decoders, 0..) |one, i| if (one.cancelled.load(.monotonic)) {
                culprit.* = i;
                return errors.fail(error.Cancelled, "cancelled", .{});
            };
            block.norm(rows.x, 0, decoders.len, index > 0, layer.norm1);
            block.project(layer, 0, decoders.len);
            const job: StepLayer = .{ .block = block, .decoders = decoders, .layer = layer, .index = index };
            block.compute.overTasks(decoders.len, &job, StepLayer.store);
            block.compute.overTasks(decoders.len * block.text.kv_heads, &job, StepLayer.attend);
            block.mix(layer, 0, decoders.len);
            block.expand(layer, rows.x, 0, decoders.len);
            block.contract(layer, 0, decoders.len);
        }
        block.norm(rows.x, 0, decoders.len, true, decoders[0].weights.norm);
        var scores: [step_max]*Scores = undefined;
        for (decoders, 0..) |one, row| {
            one.scores.keep(block.buffers.normed + row * block.text.hidden);
            one.cache.positions += 1;
            scores[row] = &one.scores;
        }
        decoders[0].head.score(&block.quantized, scores[0..decoders.len]);
    }

    /// One layer of a step: a row each, in the buffers of the first, with a cache of its own.
    const StepLayer = struct {
        block: *const Block,
        decoders: []const *Decoder,
        layer: *const weights_.DecoderLayer,
        index: usize,

        fn store(self: *const StepLayer, row: usize, _: Scratch) void {
            const cache = &self.decoders[row].cache;
            self.block.storeRow(cache, self.layer, self.index, self.block.rows(), row, cache.positions, true);
        }

        fn attend(self: *const StepLayer, number: usize, scratch: Scratch) void {
            const kv_heads = self.block.text.kv_heads;
            const row = number / kv_heads;
            const cache = &self.decoders[row].cache;
            const keys = cache.positions + 1;
            self.block.attendSpan(cache, self.index, number % kv_heads, row, row + 1, keys, scratch);
        }
    };
};

/// Ids on their way into a decoder: blocks of rows through all layers, a part of a layer at a time. Positions are
/// added block by block; who gives up before the end truncates the decoder to what it held.
pub const Append = struct {
    decoder: *Decoder,
    /// Every `audio_id` among them takes the next of rows f32[][hidden]; the caller has checked both.
    ids: []const u32,
    audio_id: u32,
    rows: [*]const f32,
    /// Rows at the end whose normed states are asked for.
    wanted: usize,
    /// Rows get the bits that steps would give them, also where many are computed otherwise.
    as_steps: bool = false,
    taken: usize = 0,
    audio_row: usize = 0,
    /// Rows of the block under way, 0 between two.
    count: usize = 0,
    layer: usize = 0,
    part: block_.Part = .project,

    /// Makes room. The decoder has nothing to tell about a next token until someone keeps a state.
    pub fn init(
        decoder: *Decoder,
        ids: []const u32,
        audio_id: u32,
        rows: [*]const f32,
        wanted: usize,
    ) errors.Error!Append {
        assert(wanted >= 1 and wanted <= @min(ids.len, block_.rows_max));
        try decoder.cache.reserve(decoder.cache.positions + ids.len);
        try decoder.block.resize(@min(ids.len, block_.rows_max));
        decoder.scores.state = .none;
        return .{ .decoder = decoder, .ids = ids, .audio_id = audio_id, .rows = rows, .wanted = wanted };
    }

    /// Does one part of a layer of a block. True when all ids are in: `states` may be asked, until the decoder's
    /// block is used for something else.
    pub fn advance(self: *Append) bool {
        assert(self.taken < self.ids.len);
        const decoder = self.decoder;
        const layers = decoder.weights.layers;
        if (self.count == 0) self.enterBlock();
        const wanted = if (self.taken + self.count == self.ids.len) self.wanted else 0;
        const block = &decoder.block;
        block.quantized.avoids_tiles = self.as_steps;
        block.run(.{
            .layer = &layers[self.layer],
            .layer_index = self.layer,
            .cache = &decoder.cache,
            .position = decoder.cache.positions,
            .rows = block.rows(),
            .count = self.count,
            // The last layer's states are looked at for the wanted rows alone.
            .used_first = if (self.layer + 1 < layers.len) 0 else self.count - wanted,
            .has_addend = self.layer > 0,
        }, self.part);
        if (self.part != .contract) {
            self.part = @enumFromInt(@intFromEnum(self.part) + 1);
            return false;
        }
        self.part = .project;
        self.layer += 1;
        if (self.layer < layers.len) return false;
        if (wanted > 0) block.norm(block.buffers.x, self.count - wanted, self.count, true, decoder.weights.norm);
        return self.leaveBlock();
    }

    /// The last `wanted` rows, normed.
    pub fn states(self: *const Append) [*]const f32 {
        assert(self.taken == self.ids.len and self.count >= self.wanted);
        return self.decoder.block.buffers.normed + (self.count - self.wanted) * self.decoder.text.hidden;
    }

    fn enterBlock(self: *Append) void {
        const decoder = self.decoder;
        const hidden = decoder.text.hidden;
        const rows = decoder.block.rows();
        self.count = blockRows(self.ids.len - self.taken, self.wanted);
        self.layer = 0;
        assert(self.count >= 1 and self.count <= decoder.block.buffers.rows);
        for (self.ids[self.taken..][0..self.count], 0..) |id, row| {
            const x = rows.x + row * hidden;
            if (id == self.audio_id) {
                @memcpy(x[0..hidden], self.rows[self.audio_row * hidden ..]);
                self.audio_row += 1;
            } else decoder.embed(id, x);
            decoder.block.rotate(rows, row, decoder.cache.positions + row);
        }
    }

    fn leaveBlock(self: *Append) bool {
        self.decoder.cache.positions += @intCast(self.count);
        self.taken += self.count;
        assert(self.taken <= self.ids.len and self.part == .project);
        if (self.taken == self.ids.len) return true;
        self.count = 0;
        return false;
    }

    /// Rows of the next block, of `left`: the last one has all that are wanted.
    fn blockRows(left: usize, wanted: usize) usize {
        if (left <= block_.rows_max) return left;
        return @min(block_.rows_max, left - @min(wanted, left));
    }
};

test "blocks of rows: the last one has all rows that are wanted" {
    const cases = [_][3]usize{ .{ 1, 1, 1 }, .{ 512, 1, 512 }, .{ 513, 1, 512 }, .{ 520, 65, 455 }, .{ 2000, 9, 512 } };
    for (cases) |case| {
        try std.testing.expectEqual(case[2], Append.blockRows(case[0], case[1]));
    }
}
