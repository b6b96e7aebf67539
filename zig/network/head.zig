//! The decoder's head: the state of a sequence's last position to logits, and from these the next token.
//!
//!     last f32[hidden] ─► head ─► logits f32[vocab], and per tile of them its peak ─► best, log-probability
//!
//! With a packed head the logits are good enough to tell the likely tokens from the rest; which of the likely ones
//! is first is decided by the weights as they are in the file.

const std = @import("std");
const compute_ = @import("../compute/compute.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const matrix_ = @import("../compute/matrix.zig");
const assert = std.debug.assert;
const Compute = compute_.Compute;
const Scratch = compute_.Scratch;

/// Sequences scored together: each tile of the head is read once for all of them.
pub const together_max = 8;
/// Rows of the head per task.
const tile_rows = 1024;
/// How many of the greatest logits a packed head computes again, exactly.
const rescored = 8;

pub const Next = struct { id: u32, logprob: f32 };

/// The scores of one sequence's next token, as far as they are computed.
pub const Scores = struct {
    allocator: std.mem.Allocator,
    /// Normed state of the last position, f32[hidden]; holds anything while `state` is .none.
    last: []f32,
    logits: []f32,
    /// Greatest logit of each tile, and the sum of their exponentials.
    peaks: []kernels.Peak,
    state: enum { none, hidden, logits } = .none,

    pub fn init(allocator: std.mem.Allocator, hidden: usize, vocab: usize) error{OutOfMemory}!Scores {
        assert(hidden > 0 and vocab > 0);
        const last = try allocator.alloc(f32, hidden);
        errdefer allocator.free(last);
        const logits = try allocator.alloc(f32, vocab);
        errdefer allocator.free(logits);
        const peaks = try allocator.alloc(kernels.Peak, (vocab + tile_rows - 1) / tile_rows);
        return .{ .allocator = allocator, .last = last, .logits = logits, .peaks = peaks };
    }

    pub fn deinit(self: *Scores) void {
        self.allocator.free(self.last);
        self.allocator.free(self.logits);
        self.allocator.free(self.peaks);
    }

    pub fn bytes(hidden: usize, vocab: usize) usize {
        const tiles = (vocab + tile_rows - 1) / tile_rows;
        return (hidden + vocab) * @sizeOf(f32) + tiles * @sizeOf(kernels.Peak);
    }

    /// Makes this normed row what is scored next.
    pub fn keep(self: *Scores, row: [*]const f32) void {
        @memcpy(self.last, row);
        self.state = .hidden;
    }

    /// The greatest logit's token (the lowest id among equals) and its log-probability.
    pub fn next(self: *const Scores) Next {
        assert(self.state == .logits);
        var tile: usize = 0;
        for (self.peaks, 0..) |peak, i| {
            if (peak.value > self.peaks[tile].value) tile = i;
        }
        const greatest = self.peaks[tile].value;
        var sum: f64 = 0;
        for (self.peaks) |peak| sum += @as(f64, peak.exp_sum) * @exp(@as(f64, peak.value) - greatest);
        const id = tile * tile_rows + self.peaks[tile].index;
        assert(id < self.logits.len);
        return .{ .id = @intCast(id), .logprob = @floatCast(-@log(sum)) };
    }

    /// The greatest logits, best first; tiles whose peak is lower than the last of these are skipped.
    pub fn best(self: *const Scores, ids: []u32, values: []f32) void {
        assert(ids.len == values.len and ids.len >= 1);
        @memset(values, -std.math.inf(f32));
        @memset(ids, 0);
        for (self.peaks, 0..) |peak, tile| {
            const first = tile * tile_rows;
            const logits = self.logits[first..@min(first + tile_rows, self.logits.len)];
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
};

pub const Head = struct {
    compute: *Compute,
    weight: matrix_.Matrix,

    /// Logits and peaks of every sequence from its `last`. `quantized` has room for all of these.
    pub fn score(self: Head, quantized: *compute_.Quantized, all: []const *Scores) void {
        assert(all.len >= 1 and all.len <= together_max);
        for (all) |one| {
            assert(one.state != .none);
            assert(one.last.len == self.weight.columns and one.logits.len == self.weight.rows);
        }
        const is_packed = self.weight.panels != null;
        if (is_packed) self.quantize(quantized, all);
        const job: Job = .{ .head = self, .quantized = quantized, .all = all };
        self.compute.overTasks(all[0].peaks.len, &job, Job.scoreTile);
        for (all) |one| {
            if (is_packed) self.rescore(one);
            one.state = .logits;
        }
    }

    fn quantize(self: Head, quantized: *compute_.Quantized, all: []const *Scores) void {
        const columns = self.weight.columns;
        assert(all.len * columns <= quantized.capacity());
        const to = quantized.rounded();
        for (all, 0..) |one, row| self.compute.round(one.last.ptr, columns, to.from(row * columns));
    }

    fn rescore(self: Head, scores: *Scores) void {
        var ids: [rescored]u32 = undefined;
        var values: [rescored]f32 = undefined;
        scores.best(&ids, &values);
        const weight = self.weight;
        const table = self.compute.kernels;
        for (ids) |id| {
            const row = weight.rowBytes(id);
            table.gemv(weight.dtype, row, scores.last.ptr, 1, weight.columns, scores.logits.ptr + id);
        }
        for (ids) |id| {
            const tile = id / tile_rows;
            const first = tile * tile_rows;
            const count = @min(tile_rows, weight.rows - first);
            table.peak(scores.logits.ptr + first, count, &scores.peaks[tile]);
        }
    }

    const Job = struct {
        head: Head,
        quantized: *const compute_.Quantized,
        all: []const *Scores,

        fn scoreTile(self: *const Job, number: usize, scratch: Scratch) void {
            const weight = self.head.weight;
            const table = self.head.compute.kernels;
            const first = number * tile_rows;
            const count = @min(tile_rows, weight.rows - first);
            assert(scratch.task.len >= self.all.len * tile_rows);
            if (weight.panels) |panels| {
                const x = self.quantized.rounded();
                const rows = self.all.len;
                const out = scratch.task.ptr;
                self.head.compute.productOfRounded(rows, x, weight.columns, panels, first, count, out, tile_rows);
            }
            for (self.all, 0..) |one, row| {
                const out = one.logits.ptr + first;
                if (weight.panels != null) {
                    @memcpy(out[0..count], scratch.task[row * tile_rows ..][0..count]);
                } else {
                    const from = weight.rowBytes(first);
                    table.gemv(weight.dtype, from, one.last.ptr, count, weight.columns, out);
                }
                table.peak(out, count, &one.peaks[number]);
            }
        }
    };
};
