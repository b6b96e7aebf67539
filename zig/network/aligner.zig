//! Forced alignment: token ids and audio rows to a class of time at every marker.
//!
//!     ids, rows ─► x f32[n][hidden] ─► all rows through one layer after the other ─► rows at markers
//!         ─► RMSNorm ─► head ─► the best class, and by how much it is the best
//!
//! Nothing is generated, so no layer is needed twice: keys and values of one layer at a time are held,
//! a 28th of a decoder's cache. In the last layer only rows from the first marker on are finished. The
//! head stays as the file has it: it is small, and its argmax is the result.

const std = @import("std");
const block_ = @import("block.zig");
const buffers = @import("../compute/buffers.zig");
const compute_ = @import("../compute/compute.zig");
const config_ = @import("../checkpoint/config.zig");
const decoder_ = @import("decoder.zig");
const errors = @import("../errors.zig");
const kv_cache_ = @import("kv_cache.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;
const Decoder = decoder_.Decoder;

const block_rows = block_.rows_max;
/// Rows at a time through the head.
const head_rows = 64;

/// The question, and room for the answers: class and margin of every marker, in order. All slices are borrowed until
/// the last unit of work.
pub const Task = struct {
    /// At least one, with a row of `rows` f32[][hidden] for every `audio_id`; checked by the caller.
    ids: []const u32,
    audio_id: u32,
    rows: [*]const f32,
    marker_id: u32,
    /// As many as there are markers among the ids.
    classes: []u32,
    /// The best logit less the second best.
    margins: []f32,
};

/// One text on its way through the model, in small units: a caller with other work may let it rest between two.
/// Takes the block and the embedding of a decoder, and none of its positions.
pub const Alignment = struct {
    decoder: *Decoder,
    task: Task,
    cache: kv_cache_.KvCache,
    memory: []align(64) f32,
    /// States and angles of all positions.
    rows: block_.Rows,
    /// Normed states of markers on their way through the head, and what comes out.
    marked: [*]f32,
    logits: [*]f32,
    marked_count: usize = 0,
    answered: usize = 0,
    audio_row: usize = 0,
    /// The unit that is next: a part of one layer for the block of rows from `first` on.
    layer: usize = 0,
    first: usize = 0,
    part: block_.Part = .project,

    pub fn init(decoder: *Decoder, task: Task) errors.Error!Alignment {
        const text = decoder.text;
        const count = task.ids.len;
        assert(count > 0);
        assert(task.classes.len == std.mem.count(u32, task.ids, &.{task.marker_id}));
        assert(task.margins.len == task.classes.len);
        assert(decoder.weights.head.panels == null); // precision.zig leaves it out.
        if (count > text.positions_max) return errors.fail(
            error.TooLong,
            "{d} positions are more than the model's {d}",
            .{ count, text.positions_max },
        );
        try decoder.block.resize(@min(count, block_rows));
        var one_layer = text;
        one_layer.layers = 1;
        var cache: kv_cache_.KvCache = .init(decoder.allocator, one_layer, Decoder.kvOf(decoder.weights));
        errdefer cache.release();
        try cache.reserve(count);
        const half = text.head_dim / 2;
        const sizes = [_]usize{
            count * text.hidden,     count * half,                          count * half,
            head_rows * text.hidden, head_rows * decoder.weights.head.rows,
        };
        var total: usize = 0;
        for (sizes) |size| total += std.mem.alignForward(usize, size, 16);
        const memory = buffers.alloc(f32, decoder.allocator, total) catch return errors.outOfMemory("the alignment");
        var parts: [sizes.len][*]f32 = undefined;
        var at: usize = 0;
        for (sizes, &parts) |size, *part| {
            part.* = memory.ptr + at;
            at += std.mem.alignForward(usize, size, 16);
        }
        assert(at == memory.len);
        return .{
            .decoder = decoder,
            .task = task,
            .cache = cache,
            .memory = memory,
            .rows = .{ .x = parts[0], .cos = parts[1], .sin = parts[2] },
            .marked = parts[3],
            .logits = parts[4],
        };
    }

    pub fn deinit(self: *Alignment) void {
        self.cache.release();
        buffers.free(self.decoder.allocator, self.memory);
    }

    /// Does one unit. True when it was the last, and all answers are there.
    pub fn advance(self: *Alignment) bool {
        const layers = self.decoder.weights.layers;
        assert(self.layer < layers.len and self.first < self.task.ids.len);
        const count = @min(block_rows, self.task.ids.len - self.first);
        const is_last = self.layer + 1 == layers.len;
        const used_first = if (is_last) self.firstMarker(count) else 0;
        if (self.layer == 0 and self.part == .project) self.embed(count);
        const rows = self.rowsFrom(self.first);
        const block = &self.decoder.block;
        block.run(.{
            .layer = &layers[self.layer],
            .layer_index = 0,
            .cache = &self.cache,
            .position = self.first,
            .rows = rows,
            .count = count,
            .used_first = used_first,
            .has_addend = false,
        }, self.part);
        if (self.part != .contract and used_first < count) {
            self.part = @enumFromInt(@intFromEnum(self.part) + 1);
            return false;
        }
        // The next block needs `sum` for itself.
        block.addSum(rows.x, used_first, count);
        if (is_last) self.collect(rows, used_first, count);
        self.part = .project;
        self.first += count;
        if (self.first < self.task.ids.len) return false;
        self.first = 0;
        self.layer += 1;
        if (!is_last) return false;
        self.answer();
        assert(self.answered == self.task.classes.len);
        return true;
    }

    fn rowsFrom(self: *const Alignment, first: usize) block_.Rows {
        const half = self.decoder.text.head_dim / 2;
        return .{
            .x = self.rows.x + first * self.decoder.text.hidden,
            .cos = self.rows.cos + first * half,
            .sin = self.rows.sin + first * half,
        };
    }

    fn embed(self: *Alignment, count: usize) void {
        const hidden = self.decoder.text.hidden;
        for (self.task.ids[self.first..][0..count], self.first..) |id, position| {
            const x = self.rows.x + position * hidden;
            if (id == self.task.audio_id) {
                @memcpy(x[0..hidden], self.task.rows[self.audio_row * hidden ..]);
                self.audio_row += 1;
            } else self.decoder.embed(id, x);
            self.decoder.block.rotate(self.rows, position, position);
        }
    }

    /// The block's first marker, `count` where it has none.
    fn firstMarker(self: *const Alignment, count: usize) usize {
        return std.mem.indexOfScalar(u32, self.task.ids[self.first..][0..count], self.task.marker_id) orelse count;
    }

    /// The block's markers, into the head's queue.
    fn collect(self: *Alignment, rows: block_.Rows, used_first: usize, count: usize) void {
        if (used_first == count) return;
        const block = &self.decoder.block;
        const hidden = self.decoder.text.hidden;
        block.norm(rows.x, used_first, count, false, self.decoder.weights.norm);
        for (used_first..count) |row| {
            if (self.task.ids[self.first + row] != self.task.marker_id) continue;
            if (self.marked_count == head_rows) self.answer();
            const to = self.marked + self.marked_count * hidden;
            @memcpy(to[0..hidden], block.buffers.normed + row * hidden);
            self.marked_count += 1;
        }
    }

    /// The queue through the head.
    fn answer(self: *Alignment) void {
        assert(self.marked_count <= head_rows);
        assert(self.answered + self.marked_count <= self.task.classes.len);
        const head = self.decoder.weights.head;
        const block = &self.decoder.block;
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
