//! Forced alignment: token ids and audio rows to a class of time at every marker.
//!
//!     ids, rows ─► x f32[n][hidden] ─► all rows through one layer after the other ─► rows at markers
//!         ─► RMSNorm ─► head ─► the best class, and by how much it is the best
//!
//! Nothing is generated, so no layer is needed twice: keys and values of one layer at a time are held,
//! a 28th of a decoder's cache. In the last layer only rows from the first marker on are finished. The
//! head stays as the file has it: it is small, and its argmax is the result.

const std = @import("std");
const compute_ = @import("../compute/compute.zig");
const config_ = @import("../checkpoint/config.zig");
const decoder_ = @import("decoder.zig");
const buffers = @import("../compute/buffers.zig");
const errors = @import("../errors.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;

/// Rows at a time, through a layer and through the head.
const block_rows = 512;
const head_rows = 64;

/// What is asked, and where the answers go: class and margin of every marker, in order.
pub const Task = struct {
    /// Checked by the caller, as for Decoder.extend.
    ids: []const u32,
    audio_id: u32,
    rows: [*]const f32,
    marker_id: u32,
    classes: [*]u32,
    /// The best logit less the second best.
    margins: [*]f32,
};

pub const Aligner = struct {
    allocator: std.mem.Allocator,
    weights: *const weights_.DecoderWeights,
    /// Buffers and arithmetic of a block, with a cache for one layer.
    block: decoder_.Decoder,

    pub fn init(
        allocator: std.mem.Allocator,
        compute: *compute_.Compute,
        text: config_.Text,
        weights: *const weights_.DecoderWeights,
        cancelled: *const std.atomic.Value(bool),
    ) errors.Error!Aligner {
        assert(weights.head.panels == null); // precision.zig leaves it out.
        var one_layer = text;
        one_layer.layers = 1;
        return .{
            .allocator = allocator,
            .weights = weights,
            .block = try decoder_.Decoder.init(allocator, compute, one_layer, weights, cancelled),
        };
    }

    pub fn deinit(self: *Aligner) void {
        self.block.deinit();
    }

    pub fn classify(self: *Aligner, task: Task) errors.Error!void {
        const text = self.block.text;
        const count = task.ids.len;
        if (count == 0) return;
        if (count > text.positions_max) return errors.fail(
            error.TooLong,
            "{d} positions are more than the model's {d}",
            .{ count, text.positions_max },
        );
        try self.block.reserve(count);
        try self.block.resize(@min(count, block_rows));
        const half = text.head_dim / 2;
        const x = try self.allocate(count * text.hidden);
        defer buffers.free(self.allocator, x);
        const cos = try self.allocate(count * half);
        defer buffers.free(self.allocator, cos);
        const sin = try self.allocate(count * half);
        defer buffers.free(self.allocator, sin);
        const head = try self.allocate(head_rows * (text.hidden + self.weights.head.rows));
        defer buffers.free(self.allocator, head);

        var pass: Pass = .{ .aligner = self, .task = task, .x = x.ptr, .cos = cos.ptr, .sin = sin.ptr };
        pass.marked = head.ptr;
        pass.logits = head.ptr + head_rows * text.hidden;
        const own = self.block.buffers;
        defer self.block.buffers = own;
        try pass.run();
    }

    fn allocate(self: *Aligner, floats: usize) errors.Error![]align(64) f32 {
        return buffers.alloc(f32, self.allocator, floats) catch errors.outOfMemory("the alignment");
    }
};

/// One text through the model.
const Pass = struct {
    aligner: *Aligner,
    task: Task,
    /// Of all positions: states, and the rotation's angles.
    x: [*]f32,
    cos: [*]f32,
    sin: [*]f32,
    /// Normed states of markers on their way through the head, and what comes out.
    marked: [*]f32 = undefined,
    logits: [*]f32 = undefined,
    marked_count: usize = 0,
    answered: usize = 0,

    fn run(self: *Pass) errors.Error!void {
        self.enterBlock(0);
        self.embed();
        const layers = self.aligner.weights.layers;
        for (layers, 0..) |*layer, index| {
            const is_last = index + 1 == layers.len;
            var first: usize = 0;
            while (first < self.task.ids.len) : (first += block_rows) {
                if (self.aligner.block.cancelled.load(.monotonic)) {
                    return errors.fail(error.Cancelled, "cancelled", .{});
                }
                self.enterBlock(first);
                const count = @min(block_rows, self.task.ids.len - first);
                const used_from = if (is_last) self.firstMarker(first, count) else 0;
                self.layerOfBlock(layer, used_from, count);
                if (is_last) self.collect(first, used_from, count);
            }
        }
        self.answer();
    }

    /// Lets the block's buffers be those of the positions from `first` on.
    fn enterBlock(self: *Pass, first: usize) void {
        const block = &self.aligner.block;
        const half = block.text.head_dim / 2;
        block.positions = @intCast(first);
        block.buffers.x = self.x + first * block.text.hidden;
        block.buffers.cos = self.cos + first * half;
        block.buffers.sin = self.sin + first * half;
    }

    fn embed(self: *Pass) void {
        const block = &self.aligner.block;
        const hidden = block.text.hidden;
        var audio_row: usize = 0;
        for (self.task.ids, 0..) |id, position| {
            const x = self.x + position * hidden;
            if (id == self.task.audio_id) {
                @memcpy(x[0..hidden], self.task.rows[audio_row * hidden ..]);
                audio_row += 1;
            } else block.embed(id, x);
            block.rotate(position, position);
        }
    }

    /// The block's first marker, `count` where it has none.
    fn firstMarker(self: *const Pass, first: usize, count: usize) usize {
        return std.mem.indexOfScalar(u32, self.task.ids[first..][0..count], self.task.marker_id) orelse count;
    }

    /// One layer over one block, whose residuals are added at once: the next block reuses the addends.
    fn layerOfBlock(
        self: *Pass,
        layer: *const weights_.DecoderLayer,
        used_from: usize,
        count: usize,
    ) void {
        const block = &self.aligner.block;
        block.norm(0, count, false, layer.norm1, block.buffers.normed);
        block.project(layer, used_from, count);
        block.store(layer, 0, used_from, count);
        if (used_from == count) return;
        block.attend(0, used_from, count);
        block.finishLayer(layer, used_from, count);
        const Job = struct { block: *const decoder_.Decoder, first: usize };
        const job: Job = .{ .block = block, .first = used_from };
        block.compute.overRows(count - used_from, &job, struct {
            fn run(j: *const Job, from: usize, to: usize, _: compute_.Scratch) void {
                const width = j.block.text.hidden;
                const at = (j.first + from) * width;
                const b = j.block.buffers;
                j.block.compute.kernels.add(b.x + at, b.sum + at, (to - from) * width);
            }
        }.run);
    }

    /// The block's markers, into the head's queue.
    fn collect(self: *Pass, first: usize, used_from: usize, count: usize) void {
        if (used_from == count) return;
        const block = &self.aligner.block;
        const hidden = block.text.hidden;
        block.norm(used_from, count, false, self.aligner.weights.norm, block.buffers.normed);
        for (used_from..count) |row| {
            if (self.task.ids[first + row] != self.task.marker_id) continue;
            if (self.marked_count == head_rows) self.answer();
            const to = self.marked + self.marked_count * hidden;
            @memcpy(to[0..hidden], block.buffers.normed + row * hidden);
            self.marked_count += 1;
        }
    }

    /// The queue through the head.
    fn answer(self: *Pass) void {
        const head = self.aligner.weights.head;
        const block = &self.aligner.block;
        block.compute.linear(&block.quantized, self.marked_count, self.marked, head.columns, &.{
            .{ .weight = head, .out = self.logits, .out_stride = head.rows },
        });
        for (0..self.marked_count) |row| {
            const best = bestTwo((self.logits + row * head.rows)[0..head.rows]);
            self.task.classes[self.answered] = best.class;
            self.task.margins[self.answered] = best.margin;
            self.answered += 1;
        }
        self.marked_count = 0;
    }
};

const Best = struct { class: u32, margin: f32 };

/// The greatest value's index, the lowest among equals, and what it has over the second.
fn bestTwo(logits: []const f32) Best {
    assert(logits.len > 0);
    var class: usize = 0;
    var second = -std.math.inf(f32);
    for (logits[1..], 1..) |value, index| {
        if (value > logits[class]) {
            second = logits[class];
            class = index;
        } else second = @max(second, value);
    }
    return .{ .class = @intCast(class), .margin = logits[class] - second };
}

test "bestTwo: the first of equals, and the distance to the next" {
    const testing = std.testing;
    try testing.expectEqual(Best{ .class = 2, .margin = 1 }, bestTwo(&.{ 1, -3, 4, 3 }));
    try testing.expectEqual(Best{ .class = 0, .margin = 0 }, bestTwo(&.{ 5, 5, 1 }));
    try testing.expectEqual(Best{ .class = 3, .margin = 2 }, bestTwo(&.{ 0, 1, 2, 4 }));
    try testing.expectEqual(@as(u32, 0), bestTwo(&.{7}).class);
}
