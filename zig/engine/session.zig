//! One sequence as a handle: a decoder with its positions, and what it is taking in. Belongs to one thread at a time;
//! `cancelled` may be set from any.
//!
//! A prefill or a classification is begun, then run in slices of time until it is done; then its result can be read.
//! The calls that do all of it at once are begin and run to the end, so both give the same result to the bit.

const std = @import("std");
const aligner_ = @import("../network/aligner.zig");
const clock = @import("clock.zig");
const decoder_ = @import("../network/decoder.zig");
const errors = @import("../errors.zig");
const model_ = @import("model.zig");
const verify_ = @import("../network/verify.zig");
const assert = std.debug.assert;
const Decoder = decoder_.Decoder;

/// The culprit of a failure where no session is at fault.
pub const everything = std.math.maxInt(u32);

pub const Session = struct {
    model: *model_.Model,
    decoder: Decoder,
    verifier: verify_.Verifier,
    job: Job = .none,
    /// The job's own copies of what it takes in, and where its results go.
    own: Own = .{},
    cancelled: std.atomic.Value(bool) = .init(false),
    busy: std.atomic.Value(bool) = .init(false),

    /// The work that was begun. Its result stays until the next is begun.
    const Job = union(enum) {
        none,
        prefill: verify_.Prefill,
        prefilled: struct { accepted: u32 },
        alignment: aligner_.Alignment,
        aligned,
    };

    const Own = struct {
        ids: []u32 = &.{},
        rows: []f32 = &.{},
        /// Log-probabilities of a draft, or the markers' margins.
        floats: []f32 = &.{},
        classes: []u32 = &.{},
    };

    pub fn open(model: *model_.Model) errors.Error!*Session {
        const gpa = model.gpa;
        const self = gpa.create(Session) catch return errors.outOfMemory("a session");
        errdefer gpa.destroy(self);
        self.* = .{
            .model = model,
            .decoder = try .init(gpa, &model.compute, model.config.text, &model.weights.decoder, &self.cancelled),
            .verifier = .{ .allocator = gpa },
        };
        model.addHandle();
        return self;
    }

    pub fn close(self: *Session) void {
        const model = self.model;
        self.abandon();
        self.decoder.deinit();
        self.verifier.deinit();
        model.gpa.destroy(self);
        model.removeHandle();
    }

    /// Positions held: while a prefill is under way, those before it.
    pub fn positions(self: *const Session) u32 {
        return switch (self.job) {
            .prefill => |*prefill| prefill.before,
            else => self.decoder.cache.positions,
        };
    }

    pub fn isUnderWay(self: *const Session) bool {
        return switch (self.job) {
            .prefill, .alignment => true,
            .none, .prefilled, .aligned => false,
        };
    }

    /// Refuses while something is under way.
    pub fn checkIdle(self: *const Session) errors.Error!void {
        if (self.isUnderWay()) return errors.fail(
            error.Busy,
            "something is under way in this session: run it to its end, or truncate",
            .{},
        );
    }

    /// Gives up what is under way, forgets results. The decoder has the positions it had before.
    fn abandon(self: *Session) void {
        const before = self.positions();
        switch (self.job) {
            .prefill => |*prefill| prefill.abandon(),
            .alignment => |*alignment| alignment.deinit(),
            .none, .prefilled, .aligned => {},
        }
        self.job = .none;
        self.freeOwn();
        assert(self.positions() == before);
    }

    fn freeOwn(self: *Session) void {
        const gpa = self.model.gpa;
        gpa.free(self.own.ids);
        gpa.free(self.own.rows);
        gpa.free(self.own.floats);
        gpa.free(self.own.classes);
        self.own = .{};
    }

    /// See qasr_session_truncate.
    pub fn truncate(self: *Session, count: u32) errors.Error!void {
        if (count > self.positions()) return errors.fail(
            error.Invalid,
            "cannot truncate to {d} positions: there are {d}",
            .{ count, self.positions() },
        );
        self.abandon();
        self.decoder.truncate(count);
        if (count == 0) self.cancelled.store(false, .monotonic);
        assert(self.positions() == count);
    }

    /// See qasr_session_release.
    pub fn release(self: *Session) errors.Error!void {
        try self.truncate(0);
        self.decoder.release();
        self.verifier.deinit();
    }

    /// See qasr_session_begin: ids and rows are copied.
    pub fn begin(
        self: *Session,
        keep: u32,
        ids: []const u32,
        rows: []const f32,
        draft_count: usize,
    ) errors.Error!void {
        try self.checkPrefill(keep, ids, rows, draft_count);
        self.abandon();
        errdefer self.freeOwn();
        const logprobs = try self.ownFloats(draft_count);
        try self.copy(ids, rows);
        try self.beginPrefill(keep, self.own.ids, self.own.rows, logprobs);
    }

    /// See qasr_session_verify.
    pub fn verify(
        self: *Session,
        keep: u32,
        ids: []const u32,
        rows: []const f32,
        logprobs: []f32,
    ) errors.Error!u32 {
        try self.checkPrefill(keep, ids, rows, logprobs.len);
        self.abandon();
        try self.beginPrefill(keep, ids, rows, logprobs);
        const is_done = try self.run(clock.forever);
        assert(is_done);
        return self.job.prefilled.accepted;
    }

    /// See qasr_session_extend.
    pub fn extend(self: *Session, ids: []const u32, rows: []const f32) errors.Error!void {
        const before = self.positions();
        const accepted = try self.verify(before, ids, rows, &.{});
        assert(accepted == 0);
        assert(self.positions() == before + ids.len);
    }

    fn beginPrefill(
        self: *Session,
        keep: u32,
        ids: []const u32,
        rows: []const f32,
        logprobs: []f32,
    ) errors.Error!void {
        assert(!self.isUnderWay() and keep <= self.positions());
        if (keep < self.decoder.cache.positions) self.decoder.truncate(keep);
        const pad = self.model.special.audio_pad;
        const prefill: verify_.Prefill = try .init(&self.decoder, &self.verifier, ids, pad, rows.ptr, logprobs);
        self.job = .{ .prefill = prefill };
    }

    /// Log-probabilities of the draft's tokens that are right, of a prefill that is done.
    pub fn verified(self: *const Session) errors.Error![]const f32 {
        return switch (self.job) {
            .prefilled => |result| self.own.floats[0..@min(result.accepted, self.own.floats.len)],
            else => errors.fail(error.Invalid, "no prefill is done in this session", .{}),
        };
    }

    /// Markers among the ids, of which there must be some.
    pub fn markersOf(ids: []const u32, marker_id: u32) errors.Error!usize {
        const markers = std.mem.count(u32, ids, &.{marker_id});
        if (markers == 0) return errors.fail(error.Invalid, "no marker {d} among the ids", .{marker_id});
        return markers;
    }

    /// See qasr_session_classify; there is room for all markers.
    pub fn classify(
        self: *Session,
        ids: []const u32,
        rows: []const f32,
        marker_id: u32,
        classes: []u32,
        margins: []f32,
    ) errors.Error!void {
        try self.checkAlignment(ids, rows);
        self.abandon();
        try self.beginAlignment(ids, rows, marker_id, classes, margins);
        const is_done = try self.run(clock.forever);
        assert(is_done);
    }

    /// See qasr_session_classify_begin: ids and rows are copied.
    pub fn classifyBegin(
        self: *Session,
        ids: []const u32,
        rows: []const f32,
        marker_id: u32,
        markers: usize,
    ) errors.Error!void {
        try self.checkAlignment(ids, rows);
        self.abandon();
        errdefer self.freeOwn();
        const margins = try self.ownFloats(markers);
        self.own.classes = self.model.gpa.alloc(u32, markers) catch return errors.outOfMemory("the alignment");
        try self.copy(ids, rows);
        try self.beginAlignment(self.own.ids, self.own.rows, marker_id, self.own.classes, margins);
    }

    fn beginAlignment(
        self: *Session,
        ids: []const u32,
        rows: []const f32,
        marker_id: u32,
        classes: []u32,
        margins: []f32,
    ) errors.Error!void {
        assert(!self.isUnderWay());
        const alignment: aligner_.Alignment = try .init(&self.decoder, .{
            .ids = ids,
            .audio_id = self.model.special.audio_pad,
            .rows = rows.ptr,
            .marker_id = marker_id,
            .classes = classes,
            .margins = margins,
        });
        self.job = .{ .alignment = alignment };
    }

    pub const Classified = struct { classes: []const u32, margins: []const f32 };

    /// The result of a classification that was begun and is done.
    pub fn classified(self: *const Session) errors.Error!Classified {
        if (self.job != .aligned) return errors.fail(error.Invalid, "no classification is done in this session", .{});
        assert(self.own.classes.len == self.own.floats.len);
        return .{ .classes = self.own.classes, .margins = self.own.floats };
    }

    /// Works until `deadline` is passed or what was begun is done, which is the result. After a failure nothing is
    /// under way, and the positions are those from before it.
    pub fn run(self: *Session, deadline: clock.Time) errors.Error!bool {
        if (self.job == .none) return errors.fail(error.Invalid, "nothing was begun in this session", .{});
        errdefer self.abandon();
        while (self.isUnderWay()) {
            if (self.cancelled.load(.monotonic)) return errors.fail(error.Cancelled, "cancelled", .{});
            try self.advance();
            if (self.isUnderWay() and clock.now() >= deadline) return false;
        }
        return true;
    }

    fn advance(self: *Session) errors.Error!void {
        switch (self.job) {
            .prefill => |*prefill| if (try prefill.advance()) {
                const accepted = prefill.accepted;
                assert(accepted <= prefill.logprobs.len);
                self.job = .{ .prefilled = .{ .accepted = accepted } };
                self.freeInputs();
            },
            .alignment => |*alignment| if (alignment.advance()) {
                alignment.deinit();
                self.job = .aligned;
                self.freeInputs();
            },
            .none, .prefilled, .aligned => unreachable,
        }
    }

    fn ownFloats(self: *Session, count: usize) errors.Error![]f32 {
        assert(self.own.floats.len == 0);
        self.own.floats = self.model.gpa.alloc(f32, count) catch return errors.outOfMemory("a prefill");
        return self.own.floats;
    }

    fn copy(self: *Session, ids: []const u32, rows: []const f32) errors.Error!void {
        assert(self.own.ids.len == 0 and self.own.rows.len == 0);
        self.own.ids = self.model.gpa.dupe(u32, ids) catch return errors.outOfMemory("a prefill");
        self.own.rows = self.model.gpa.dupe(f32, rows) catch return errors.outOfMemory("a prefill");
    }

    fn freeInputs(self: *Session) void {
        self.model.gpa.free(self.own.ids);
        self.model.gpa.free(self.own.rows);
        self.own.ids = &.{};
        self.own.rows = &.{};
    }

    fn checkPrefill(
        self: *const Session,
        keep: u32,
        ids: []const u32,
        rows: []const f32,
        draft_count: usize,
    ) errors.Error!void {
        try self.checkIdle();
        if (keep > self.positions()) return errors.fail(
            error.Invalid,
            "cannot keep {d} positions: there are {d}",
            .{ keep, self.positions() },
        );
        if (draft_count > ids.len) {
            return errors.fail(error.Invalid, "a draft of {d} among {d} tokens", .{ draft_count, ids.len });
        }
        try self.checkIds(ids, rows);
        const draft = ids[ids.len - draft_count ..];
        if (std.mem.indexOfScalar(u32, draft, self.model.special.audio_pad)) |place| {
            return errors.fail(error.Invalid, "audio at place {d} of the draft", .{place});
        }
    }

    fn checkAlignment(self: *const Session, ids: []const u32, rows: []const f32) errors.Error!void {
        try self.checkIdle();
        const model = self.model;
        if (model.config.kind != .aligner) {
            return errors.fail(error.Invalid, "{s} transcribes and does not align", .{model.name()});
        }
        try self.checkIds(ids, rows);
    }

    /// All in the vocabulary, and a row for every audio place.
    fn checkIds(self: *const Session, ids: []const u32, rows: []const f32) errors.Error!void {
        const text = self.model.config.text;
        const pad = self.model.special.audio_pad;
        var places: usize = 0;
        for (ids, 0..) |id, i| {
            if (id >= text.vocab) return errors.fail(
                error.Invalid,
                "token {d} at place {d} is not in the vocabulary of {d}",
                .{ id, i, text.vocab },
            );
            places += @intFromBool(id == pad);
        }
        if (places * text.hidden != rows.len) return errors.fail(
            error.Invalid,
            "{d} audio rows for {d} audio places",
            .{ rows.len / text.hidden, places },
        );
    }

    pub const step_max = Decoder.step_max;

    /// See qasr_sessions_step.
    pub fn step(sessions: []const *Session, ids: []const u32, culprit: *usize) errors.Error!void {
        assert(sessions.len == ids.len and sessions.len >= 1 and sessions.len <= Decoder.step_max);
        const model = sessions[0].model;
        const text = model.config.text;
        var decoders: [Decoder.step_max]*Decoder = undefined;
        for (sessions, ids, 0..) |one, id, i| {
            errdefer culprit.* = i;
            if (one.model != model) {
                return errors.fail(error.Invalid, "session {d} is of another model", .{i});
            }
            if (id >= text.vocab or id == model.special.audio_pad) {
                return errors.fail(error.Invalid, "token {d} at place {d} is no text token", .{ id, i });
            }
            try one.checkIdle();
            decoders[i] = &one.decoder;
        }
        try Decoder.step(decoders[0..sessions.len], ids, culprit);
        for (sessions) |one| one.abandon(); // Results of what was begun before, if there are some.
    }
};
