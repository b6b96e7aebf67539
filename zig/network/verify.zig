//! A prefill: ids to take in, the last of them perhaps a draft, a guess at the tokens to come, which is checked in
//! the pass that takes it in.
//!
//! Out: how many of the draft's tokens greedy decoding would have said too, and a decoder that stands behind the last
//! of those. To the bit as if it had decoded them one by one: with packed weights a row's sums are the same whatever
//! goes with it, so prompt and draft are one pass; with others only as long as rows are multiplied one by one, so the
//! draft goes by itself, a few rows at a time. Where tiles multiply the prompt, the draft goes by itself without them.
//!
//! A prefill advances in small units, and a caller with other work may let it rest between two of them.

const std = @import("std");
const decoder_ = @import("decoder.zig");
const errors = @import("../errors.zig");
const head_ = @import("head.zig");
const assert = std.debug.assert;
const Append = decoder_.Append;
const Decoder = decoder_.Decoder;
const Scores = head_.Scores;

/// Rows scored together: each reads the head once.
const together = head_.together_max;
/// Tokens of a draft per pass: what a wrong draft may cost.
const pass_rows = 64;

/// Room for the scores of a draft's rows. Belongs to one decoder.
pub const Verifier = struct {
    allocator: std.mem.Allocator,
    scores: [together]Scores = undefined,
    /// Made when first needed.
    made: usize = 0,

    pub fn deinit(self: *Verifier) void {
        for (self.scores[0..self.made]) |*scores| scores.deinit();
        self.made = 0;
    }

    fn reserve(self: *Verifier, decoder: *const Decoder, count: usize) errors.Error!void {
        assert(count <= together);
        while (self.made < count) : (self.made += 1) {
            const own = decoder.scores;
            self.scores[self.made] = Scores.init(self.allocator, own.last.len, own.logits.len) catch
                return errors.outOfMemory("a draft");
        }
        assert(self.made >= count);
    }

    /// Scores `count` states f32[][hidden].
    fn score(self: *Verifier, decoder: *Decoder, states: [*]const f32, count: usize) errors.Error!void {
        assert(count >= 1);
        try self.reserve(decoder, count);
        var all: [together]*Scores = undefined;
        for (self.scores[0..count], all[0..count], 0..) |*scores, *one, i| {
            scores.keep(states + i * decoder.text.hidden);
            one.* = scores;
        }
        decoder.head.score(&decoder.block.quantized, all[0..count]);
    }
};

pub const Prefill = struct {
    decoder: *Decoder,
    verifier: *Verifier,
    /// Checked as for Append; the last logprobs.len of them are the draft, and audio is only before them.
    ids: []const u32,
    audio_id: u32,
    rows: [*]const f32,
    /// Get the log-probabilities of the draft's tokens that are right.
    logprobs: []f32,
    /// Positions before.
    before: u32,
    /// Ids in the passes that are over, and in those up to the end of this one.
    done: usize = 0,
    end: usize = 0,
    append: Append = undefined,
    /// States of this pass that are checked.
    checked: usize = 0,
    /// Tokens of the draft that are right, once `stage` is .over.
    accepted: u32 = 0,
    stage: enum { start, append, check, over } = .start,

    /// Nothing is allocated but what the decoder needs. All slices are borrowed until the end.
    pub fn init(
        decoder: *Decoder,
        verifier: *Verifier,
        ids: []const u32,
        audio_id: u32,
        rows: [*]const f32,
        logprobs: []f32,
    ) errors.Error!Prefill {
        assert(logprobs.len <= ids.len);
        try decoder.checkRoom(ids.len);
        return .{
            .decoder = decoder,
            .verifier = verifier,
            .ids = ids,
            .audio_id = audio_id,
            .rows = rows,
            .logprobs = logprobs,
            .before = decoder.cache.positions,
            .stage = if (ids.len == 0) .over else .start,
        };
    }

    /// Gives up: the decoder has the positions it had before, and nothing to tell about a next token.
    pub fn abandon(self: *Prefill) void {
        assert(self.stage != .over);
        self.decoder.truncate(self.before);
        self.stage = .over;
    }

    /// Does one unit. True when it was the last. After a failure, `abandon` it.
    pub fn advance(self: *Prefill) errors.Error!bool {
        switch (self.stage) {
            .start => try self.start(),
            .append => if (self.append.advance()) {
                self.checked = 0;
                self.stage = .check;
            },
            .check => try self.check(),
            .over => {},
        }
        return self.stage == .over;
    }

    fn draftFirst(self: *const Prefill) usize {
        return self.ids.len - self.logprobs.len;
    }

    fn start(self: *Prefill) errors.Error!void {
        if (self.draftFirst() == 0) { // The draft's first token is judged by the state from before.
            const expected = try self.decoder.next();
            if (expected.id != self.ids[0]) {
                self.stage = .over;
                return;
            }
            self.logprobs[0] = expected.logprob;
        }
        try self.startPass();
    }

    fn startPass(self: *Prefill) errors.Error!void {
        assert(self.done < self.ids.len);
        self.end = self.passEnd();
        // Each but the ids before the draft's first token tells the next one.
        assert(self.end > self.done and self.end <= self.ids.len);
        const wanted = @min(self.end - self.done, self.end - self.draftFirst() + 1);
        const ids = self.ids[self.done..self.end];
        self.append = try .init(self.decoder, ids, self.audio_id, self.rows, wanted);
        self.append.as_steps = self.done >= self.draftFirst();
        self.stage = .append;
    }

    fn passEnd(self: *const Prefill) usize {
        const is_packed = self.decoder.weights.head.panels != null;
        const is_one_pass = is_packed and !self.decoder.compute.multipliesTiles();
        if (!is_one_pass and self.done < self.draftFirst()) return self.draftFirst();
        const most: usize = if (is_packed) pass_rows else together;
        return @min(self.ids.len, @max(self.done, self.draftFirst()) + most);
    }

    /// The next few of the pass's states: each should tell the id that comes behind it. The first that does not, or
    /// has none to tell, becomes the decoder's.
    fn check(self: *Prefill) errors.Error!void {
        const decoder = self.decoder;
        const wanted = self.append.wanted;
        const told_first = self.end - wanted + 1;
        const told = self.ids[told_first..];
        assert(self.checked < wanted and self.checked <= told.len);
        const states = self.append.states() + self.checked * decoder.text.hidden;
        if (self.checked == told.len) { // Scored when asked for.
            decoder.scores.keep(states);
            return self.finish(told_first);
        }
        const count = @min(together, wanted - self.checked);
        try self.verifier.score(decoder, states, count);
        for (self.verifier.scores[0..count]) |*scores| {
            const next = scores.next();
            if (self.checked == told.len or next.id != told[self.checked]) {
                std.mem.swap(Scores, &decoder.scores, scores);
                return self.finish(told_first);
            }
            self.logprobs[told_first + self.checked - self.draftFirst()] = next.logprob;
            self.checked += 1;
        }
        if (self.checked < wanted) return;
        self.done = self.end;
        try self.startPass();
    }

    /// The ids before `told_first` are in, and as many behind them as are checked and right.
    fn finish(self: *Prefill, told_first: usize) void {
        const kept = told_first + self.checked;
        assert(kept >= self.draftFirst() and kept <= self.ids.len);
        self.decoder.cache.positions = self.before + @as(u32, @intCast(kept));
        self.accepted = @intCast(kept - self.draftFirst());
        self.stage = .over;
    }
};
