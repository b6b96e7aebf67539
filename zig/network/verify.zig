//! A guess at the tokens to come, checked in the pass that takes it in.
//!
//! In: ids to append, the last of them a draft. Out: how many of these greedy decoding would have said
//! too, and a decoder that stands behind the last of those. To the bit as if it had decoded them one by
//! one: with packed weights a row's sums are the same whatever goes with it, so prompt and draft are one
//! batch; with others only as long as rows are multiplied one by one, so the draft goes by itself, a few
//! rows at a time.

const std = @import("std");
const decoder_ = @import("decoder.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const assert = std.debug.assert;
const Decoder = decoder_.Decoder;

/// Rows scored together: each reads the head once.
const together = Decoder.step_max;
/// Tokens of a draft per pass: what a wrong draft may cost.
const pass_rows = 64;

pub const Verifier = struct {
    allocator: std.mem.Allocator,
    /// Made when first needed, `together` at most.
    scores: std.ArrayList(Score) = .empty,

    /// What `next` reads of a decoder.
    const Score = struct { last: []f32, logits: []f32, peaks: []kernels.Peak };

    pub fn deinit(self: *Verifier) void {
        for (self.scores.items) |score| self.free(score);
        self.scores.deinit(self.allocator);
    }

    fn free(self: *Verifier, score: Score) void {
        self.allocator.free(score.last);
        self.allocator.free(score.logits);
        self.allocator.free(score.peaks);
    }

    /// `ids` checked as for Decoder.extend; the last logprobs.len of them are the draft, and audio is
    /// only before them. Returns how many of the draft are right, whose log-probabilities are written.
    /// After a failure the decoder has the positions it had.
    pub fn verify(
        self: *Verifier,
        decoder: *Decoder,
        ids: []const u32,
        audio_id: u32,
        rows: [*]const f32,
        logprobs: []f32,
    ) errors.Error!u32 {
        assert(logprobs.len <= ids.len);
        try decoder.checkRoom(ids.len);
        const draft_first = ids.len - logprobs.len;
        if (ids.len == 0) return 0;
        if (draft_first == 0) { // What was appended before says what the first should be.
            const expected = try decoder.next();
            if (expected.id != ids[0]) return 0;
            logprobs[0] = expected.logprob;
        }
        const before = decoder.positions;
        errdefer decoder.truncate(before);
        var done: usize = 0;
        while (true) {
            const end = self.passEnd(decoder, done, draft_first, ids.len);
            // Each but the ids before the draft's first token tells the next one.
            const wanted = @min(end - done, end - draft_first + 1);
            const states = try decoder.append(ids[done..end], audio_id, rows, wanted);
            const first = end - wanted + 1;
            const right = try self.agreeing(decoder, states, wanted, ids[first..], logprobs[first - draft_first ..]);
            if (right < wanted) {
                decoder.positions = before + @as(u32, @intCast(first + right));
                return @intCast(first + right - draft_first);
            }
            done = end;
        }
    }

    fn passEnd(_: *const Verifier, decoder: *const Decoder, done: usize, draft_first: usize, count: usize) usize {
        const is_packed = decoder.weights.head.panels != null;
        if (!is_packed and done < draft_first) return draft_first;
        const most: usize = if (is_packed) pass_rows else together;
        return @min(count, @max(done, draft_first) + most);
    }

    /// How many of `count` states, one after the other, tell the id given for them, with the
    /// log-probabilities of those. The first that does not, or has none to tell, becomes the decoder's.
    fn agreeing(
        self: *Verifier,
        decoder: *Decoder,
        states: [*]const f32,
        count: usize,
        told: []const u32,
        logprobs: []f32,
    ) errors.Error!usize {
        var row: usize = 0;
        while (row < count) {
            if (row == told.len) { // Scored when asked for.
                decoder.keepRow(states + row * decoder.text.hidden);
                return row;
            }
            var scored: [together]Decoder = undefined;
            const some = scored[0..@min(together, count - row)];
            try self.scoreRows(decoder, states + row * decoder.text.hidden, some);
            for (some, 0..) |*one, i| {
                const next = try one.next();
                if (row == told.len or next.id != told[row]) {
                    self.adopt(decoder, i);
                    return row;
                }
                logprobs[row] = next.logprob;
                row += 1;
            }
        }
        return count;
    }

    /// Each state as a decoder of its own, which shares all but its scores with `decoder`.
    fn scoreRows(self: *Verifier, decoder: *Decoder, states: [*]const f32, out: []Decoder) errors.Error!void {
        while (self.scores.items.len < out.len) try self.make(decoder);
        var all: [together]*Decoder = undefined;
        for (out, self.scores.items[0..out.len], 0..) |*one, buffers, i| {
            one.* = decoder.*;
            one.last = buffers.last;
            one.logits = buffers.logits;
            one.peaks = buffers.peaks;
            one.keepRow(states + i * decoder.text.hidden);
            all[i] = one;
        }
        const step: Decoder.Step = .{ .lead = decoder, .decoders = all[0..out.len] };
        step.score();
    }

    fn make(self: *Verifier, decoder: *const Decoder) errors.Error!void {
        const fail = errors.outOfMemory;
        const last = self.allocator.alloc(f32, decoder.last.len) catch return fail("a draft");
        errdefer self.allocator.free(last);
        const logits = self.allocator.alloc(f32, decoder.logits.len) catch return fail("a draft");
        errdefer self.allocator.free(logits);
        const peaks = self.allocator.alloc(kernels.Peak, decoder.peaks.len) catch return fail("a draft");
        errdefer self.allocator.free(peaks);
        self.scores.append(self.allocator, .{ .last = last, .logits = logits, .peaks = peaks }) catch
            return fail("a draft");
    }

    /// The decoder's own scores become the row's, and the other way round.
    fn adopt(self: *Verifier, decoder: *Decoder, row: usize) void {
        const buffers = &self.scores.items[row];
        std.mem.swap([]f32, &decoder.last, &buffers.last);
        std.mem.swap([]f32, &decoder.logits, &buffers.logits);
        std.mem.swap([]kernels.Peak, &decoder.peaks, &buffers.peaks);
        decoder.state = .logits;
    }
};
