//! The C ABI of qwen_asr.h: checks arguments, turns errors into codes. Nothing else.
//!
//! Every `pub fn qasr_*` of this file and of abi_voices.zig is exported under its name (see exported.zig): one that
//! returns `Error!void` gives C the number of its error, or 0.

const std = @import("std");
const bench = @import("engine/measure.zig");
const cache_file = @import("packing/cache_file.zig");
const clock = @import("engine/clock.zig");
const encoder_ = @import("engine/encoder.zig");
const errors = @import("errors.zig");
const exported = @import("exported.zig");
const files = @import("checkpoint/files.zig");
const listener_ = @import("engine/listener.zig");
const model_ = @import("engine/model.zig");
const precision_ = @import("packing/precision.zig");
const session_ = @import("engine/session.zig");
const transcribe = @import("engine/transcribe.zig");
const Encoder = encoder_.Encoder;
const Listener = listener_.Listener;
const Model = model_.Model;
const Error = errors.Error;
const Session = session_.Session;

/// The library installs no signal handlers: its threads need no stack for them, and a host that has
/// its own keeps them.
pub const std_options: std.Options = .{ .signal_stack_size = null };

/// A bug in the engine, not an error of the user's: one line, and abort.
pub const panic = std.debug.FullPanic(panicLine);

fn panicLine(message: []const u8, _: ?usize) noreturn {
    for ([_][]const u8{ "qwen-asr: internal error: ", message, "\n" }) |part| {
        _ = exported.write(2, part.ptr, @intCast(part.len));
    }
    std.c.abort();
}

const gpa = std.heap.c_allocator;

const missing = exported.missing;
const slice = exported.slice;
const give = exported.give;
const leave = exported.leave;

pub fn qasr_abi_version() u32 {
    return 3;
}

pub fn qasr_error_message(buffer: ?[*]u8, capacity: u32) u32 {
    const text = errors.message();
    if (buffer) |to| @memcpy(to[0..@min(capacity, text.len)], text[0..@min(capacity, text.len)]);
    return @intCast(text.len);
}

// ---------------------------------------------------------------------------------------- model

pub fn qasr_model_open(
    folder: ?[*:0]const u8,
    threads: u32,
    weights: u32,
    cache_folder: ?[*:0]const u8,
    progress_permille: ?*u32,
    out: ?**Model,
) Error!void {
    const path = std.mem.span(folder orelse return missing("the folder"));
    const to = out orelse return missing("the result");
    const options = try optionsOf(threads, weights, cache_folder, progress_permille);
    to.* = try Model.open(gpa, .{ .folder = path }, options);
}

fn optionsOf(
    threads: u32,
    weights: u32,
    cache_folder: ?[*:0]const u8,
    progress_permille: ?*u32,
) Error!Model.Options {
    const precision = std.enums.fromInt(precision_.Precision, weights) orelse
        return errors.fail(error.Invalid, "precision {d}: not a qasr_weights", .{weights});
    const folder = if (cache_folder) |path| std.mem.span(path) else null;
    const progress = progress_permille;
    return .{ .threads = threads, .precision = precision, .cache_folder = folder, .progress_permille = progress };
}

pub fn qasr_model_open_memory(
    names: ?[*]const [*:0]const u8,
    data: ?[*]const [*]const u8,
    sizes: ?[*]const u64,
    count: u32,
    threads: u32,
    weights: u32,
    progress_permille: ?*u32,
    out: ?**Model,
) Error!void {
    const to = out orelse return missing("the result");
    const list = gpa.alloc(files.Named, count) catch return errors.outOfMemory("the model");
    defer gpa.free(list);
    const all_names = try slice([*:0]const u8, names, count);
    const all_data = try slice([*]const u8, data, count);
    const all_sizes = try slice(u64, sizes, count);
    for (list, all_names, all_data, all_sizes) |*one, name, bytes, size| {
        one.* = .{ .name = std.mem.span(name), .bytes = bytes[0..@intCast(size)] };
    }
    const options = try optionsOf(threads, weights, null, progress_permille);
    to.* = try Model.open(gpa, .{ .memory = list }, options);
}

pub fn qasr_model_close(model: ?*Model) Error!void {
    if (model) |m| try m.close();
}

pub fn qasr_model_info(model: ?*const Model, json: ?[*]u8, capacity: u32, bytes: ?*u32) Error!void {
    const text = try (model orelse return missing("the model")).info(gpa);
    defer gpa.free(text);
    try give(u8, text, json, capacity, bytes);
}

pub fn qasr_model_release_encoder(model: ?*const Model) void {
    if (model) |m| m.releaseEncoder();
}

pub fn qasr_model_row_floats(model: ?*const Model) u32 {
    return if (model) |m| m.config.text.hidden else 0;
}

// --------------------------------------------------------------------------------- packed cache

pub fn qasr_cache_info(path: ?[*:0]const u8, json: ?[*]u8, capacity: u32, bytes: ?*u32) Error!void {
    const text = try cache_file.info(gpa, std.mem.span(path orelse return missing("the path")));
    defer gpa.free(text);
    try give(u8, text, json, capacity, bytes);
}

pub fn qasr_cache_verify(path: ?[*:0]const u8) Error!void {
    try cache_file.verify(gpa, std.mem.span(path orelse return missing("the path")));
}

// ------------------------------------------------------------------------------------ tokenizer

pub fn qasr_tokenize(
    model: ?*const Model,
    text: ?[*]const u8,
    text_bytes: u32,
    with_special: u32,
    ids: ?[*]u32,
    capacity: u32,
    count: ?*u32,
) Error!void {
    const m = model orelse return missing("the model");
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var list: std.ArrayList(u32) = .empty;
    const bytes = try slice(u8, text, text_bytes);
    try m.tokenizer.encode(arena.allocator(), bytes, with_special != 0, &list);
    try give(u32, list.items, ids, capacity, count);
}

pub fn qasr_token_bytes(model: ?*const Model, id: u32, bytes: ?[*]u8, capacity: u32, count: ?*u32) Error!void {
    const m = model orelse return missing("the model");
    try give(u8, m.tokenizer.tokenBytes(id), bytes, capacity, count);
}

pub fn qasr_token_id(model: ?*const Model, text: ?[*]const u8, text_bytes: u32, id: ?*u32) Error!void {
    const m = model orelse return missing("the model");
    const to = id orelse return missing("the result");
    const name = try slice(u8, text, text_bytes);
    to.* = m.tokenizer.addedId(name) orelse
        return errors.fail(error.Invalid, "no added token {s}", .{name});
}

pub fn qasr_token_is_end(model: ?*const Model, id: u32) u32 {
    return @intFromBool(if (model) |m| m.isEnd(id) else false);
}

pub fn qasr_prompt(
    model: ?*const Model,
    rows_count: u32,
    context: ?[*]const u8,
    context_bytes: u32,
    language: ?[*]const u8,
    language_bytes: u32,
    ids: ?[*]u32,
    capacity: u32,
    count: ?*u32,
) Error!void {
    const m = model orelse return missing("the model");
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var list: std.ArrayList(u32) = .empty;
    const system = try slice(u8, context, context_bytes);
    const name = try slice(u8, language, language_bytes);
    try m.prompt(arena.allocator(), rows_count, system, name, &list);
    try give(u32, list.items, ids, capacity, count);
}

// ------------------------------------------------------------------------------------- sessions

pub fn qasr_session_open(model: ?*Model, out: ?**Session) Error!void {
    const m = model orelse return missing("the model");
    const to = out orelse return missing("the result");
    to.* = try Session.open(m);
}

pub fn qasr_session_close(session: ?*Session) void {
    if (session) |s| s.close();
}

pub fn qasr_session_cancel(session: ?*Session) void {
    if (session) |s| s.cancelled.store(true, .monotonic);
}

/// Takes a handle for this call; every successful take or enter is followed by leave.
fn take(handle: anytype) Error!@typeInfo(@TypeOf(handle)).optional.child {
    return exported.take(handle, switch (@typeInfo(@TypeOf(handle)).optional.child) {
        *Session => "session",
        *Encoder => "encoder",
        *Listener => "listener",
        else => unreachable,
    });
}

/// As `take`, of a session that is not cancelled.
fn enter(session: ?*Session) Error!*Session {
    const s = try take(session);
    errdefer leave(s);
    if (s.cancelled.load(.monotonic)) return errors.fail(error.Cancelled, "cancelled", .{});
    return s;
}

/// As `enter`, of one in which nothing is under way.
fn enterIdle(session: ?*Session) Error!*Session {
    const s = try enter(session);
    errdefer leave(s);
    try s.checkIdle();
    return s;
}

// -------------------------------------------------------------------------------------- encoder

pub fn qasr_encoder_open(model: ?*Model, out: ?**Encoder) Error!void {
    const m = model orelse return missing("the model");
    const to = out orelse return missing("the result");
    to.* = try Encoder.open(m);
}

pub fn qasr_encoder_close(encoder: ?*Encoder) void {
    if (encoder) |e| e.close();
}

pub fn qasr_encoder_cancel(encoder: ?*Encoder) void {
    if (encoder) |e| e.cancelled.store(true, .monotonic);
}

/// Takes an encoder in which no clip is under way.
fn enterEncoder(encoder: ?*Encoder) Error!*Encoder {
    const e = try take(encoder);
    errdefer leave(e);
    if (e.isUnderWay()) return errors.fail(error.Busy, "a clip is under way in this encoder", .{});
    return e;
}

pub fn qasr_mel(
    encoder: ?*Encoder,
    samples: ?[*]const f32,
    samples_count: u32,
    mel: ?[*]f32,
    capacity: u32,
    frames: ?*u32,
) Error!void {
    const e = try enterEncoder(encoder);
    defer leave(e);
    const count = encoder_.framesOf(samples_count);
    (frames orelse return missing("the count")).* = @intCast(count);
    const floats = count * e.model.config.audio.mel_bins;
    if (floats > capacity) {
        return errors.fail(error.TooSmall, "{d} floats needed, room for {d}", .{ floats, capacity });
    }
    const to = (mel orelse return missing("the result"))[0..floats];
    try e.features(try slice(f32, samples, samples_count), to);
}

pub fn qasr_encode(
    encoder: ?*Encoder,
    samples: ?[*]const f32,
    samples_count: u32,
    window_frames: u32,
    rows: ?[*]f32,
    capacity: u32,
    rows_count: ?*u32,
) Error!void {
    const e = try enterEncoder(encoder);
    defer leave(e);
    const count = e.rowsOf(samples_count);
    (rows_count orelse return missing("the count")).* = @intCast(count);
    if (rows == null and capacity == 0) return;
    if (count > capacity) {
        return errors.fail(error.TooSmall, "{d} rows needed, room for {d}", .{ count, capacity });
    }
    const to = rows orelse return missing("the result");
    try e.encode(try slice(f32, samples, samples_count), window_frames, to);
}

pub fn qasr_encode_begin(
    encoder: ?*Encoder,
    samples: ?[*]const f32,
    samples_count: u32,
    window_frames: u32,
    rows_count: ?*u32,
) Error!void {
    const e = try take(encoder);
    defer leave(e);
    const to = rows_count orelse return missing("the count");
    const all = try slice(f32, samples, samples_count);
    to.* = @intCast(try e.begin(all, window_frames));
}

pub fn qasr_encode_run(encoder: ?*Encoder, budget_ms: u32, is_done: ?*u32) Error!void {
    const e = try take(encoder);
    defer leave(e);
    const to = is_done orelse return missing("the result");
    to.* = @intFromBool(try e.run(clock.after(budget_ms)));
}

pub fn qasr_encode_rows(encoder: ?*Encoder, rows: ?[*]f32, capacity: u32, rows_count: ?*u32) Error!void {
    const e = try take(encoder);
    defer leave(e);
    const all = try e.result();
    const width = e.model.config.audio.output_dim;
    const count = all.len / width;
    (rows_count orelse return missing("the count")).* = @intCast(count);
    if (count > capacity) {
        return errors.fail(error.TooSmall, "{d} rows needed, room for {d}", .{ count, capacity });
    }
    @memcpy((rows orelse return missing("the result"))[0..all.len], all);
}

// ----------------------------------------------------------------------------------- prefill

pub fn qasr_session_extend(
    session: ?*Session,
    ids: ?[*]const u32,
    count: u32,
    rows: ?[*]const f32,
    rows_count: u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const floats = @as(usize, rows_count) * s.model.config.text.hidden;
    try s.extend(try slice(u32, ids, count), try slice(f32, rows, floats));
}

pub fn qasr_session_begin(
    session: ?*Session,
    keep: u32,
    ids: ?[*]const u32,
    count: u32,
    rows: ?[*]const f32,
    rows_count: u32,
    draft_count: u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const floats = @as(usize, rows_count) * s.model.config.text.hidden;
    try s.begin(keep, try slice(u32, ids, count), try slice(f32, rows, floats), draft_count);
}

pub fn qasr_session_run(session: ?*Session, budget_ms: u32, is_done: ?*u32) Error!void {
    const s = try take(session); // One that is cancelled gives up what is under way.
    defer leave(s);
    const to = is_done orelse return missing("the result");
    to.* = @intFromBool(try s.run(clock.after(budget_ms)));
}

pub fn qasr_session_verified(session: ?*Session, logprobs: ?[*]f32, capacity: u32, accepted: ?*u32) Error!void {
    const s = try enter(session);
    defer leave(s);
    try give(f32, try s.verified(), logprobs, capacity, accepted);
}

pub fn qasr_session_truncate(session: ?*Session, positions: u32) Error!void {
    const s = try take(session);
    defer leave(s);
    try s.truncate(positions);
}

pub fn qasr_session_release(session: ?*Session) Error!void {
    const s = try take(session);
    defer leave(s);
    try s.release();
}

pub fn qasr_session_positions(session: ?*const Session) u32 {
    return if (session) |s| s.positions() else 0;
}

pub fn qasr_sessions_step(sessions: ?[*]const ?*Session, ids: ?[*]const u32, count: u32, culprit: ?*u32) Error!void {
    const most = Session.step_max;
    if (culprit) |to| to.* = session_.everything;
    if (count == 0 or count > most) {
        return errors.fail(error.Invalid, "{d} sessions, must be 1 to {d}", .{ count, most });
    }
    const all = try slice(?*Session, sessions, count);
    const all_ids = try slice(u32, ids, count);
    var entered: [most]*Session = undefined;
    var entered_count: usize = 0;
    defer for (entered[0..entered_count]) |one| leave(one);
    for (all, 0..) |one, i| { // The same session twice is busy the second time.
        errdefer if (culprit) |to| {
            to.* = @intCast(i);
        };
        entered[entered_count] = try enter(one);
        entered_count += 1;
    }
    var at_fault: usize = session_.everything;
    errdefer if (culprit) |to| {
        to.* = @intCast(at_fault);
    };
    try Session.step(entered[0..count], all_ids, &at_fault);
}

pub fn qasr_session_next(session: ?*Session, id: ?*u32, logprob: ?*f32) Error!void {
    const s = try enterIdle(session);
    defer leave(s);
    const to = id orelse return missing("the result");
    const result = try s.decoder.next();
    to.* = result.id;
    if (logprob) |l| l.* = result.logprob;
}

pub fn qasr_session_top(session: ?*Session, k: u32, ids: ?[*]u32, logits: ?[*]f32) Error!void {
    const s = try enterIdle(session);
    defer leave(s);
    if (k == 0 or k > s.decoder.scores.logits.len or k > 1000) {
        return errors.fail(error.Invalid, "k is {d}, must be 1 to 1000", .{k});
    }
    const to_ids = (ids orelse return missing("the ids"))[0..k];
    const to_logits = (logits orelse return missing("the logits"))[0..k];
    try s.decoder.top(to_ids, to_logits);
}

// ------------------------------------------------------------------------------------ listening

pub fn qasr_session_verify(
    session: ?*Session,
    keep: u32,
    ids: ?[*]const u32,
    count: u32,
    rows: ?[*]const f32,
    rows_count: u32,
    draft_count: u32,
    logprobs: ?[*]f32,
    accepted: ?*u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const to = accepted orelse return missing("the count");
    const draft: []f32 = if (draft_count == 0)
        &.{}
    else if (logprobs) |array| array[0..draft_count] else return missing("the result");
    const floats = @as(usize, rows_count) * s.model.config.text.hidden;
    to.* = try s.verify(keep, try slice(u32, ids, count), try slice(f32, rows, floats), draft);
}

pub fn qasr_listener_open(model: ?*Model, window_frames: u32, keeps: u32, out: ?**Listener) Error!void {
    const m = model orelse return missing("the model");
    const to = out orelse return missing("the result");
    to.* = try Listener.open(m, window_frames, keeps != 0);
}

pub fn qasr_listener_close(listener: ?*Listener) void {
    if (listener) |l| l.close();
}

pub fn qasr_listener_append(listener: ?*Listener, samples: ?[*]const f32, count: u32) Error!void {
    const l = try take(listener);
    defer leave(l);
    try l.append(try slice(f32, samples, count));
}

pub fn qasr_listener_forget(listener: ?*Listener, windows: u32) Error!void {
    const l = try take(listener);
    defer leave(l);
    if (windows == std.math.maxInt(u32)) l.forgetAll() else try l.forget(windows);
}

pub fn qasr_listener_rows(listener: ?*const Listener) u32 {
    return if (listener) |l| @intCast(l.rowsCount()) else 0;
}

pub fn qasr_listener_run(listener: ?*Listener, encoder: ?*Encoder, budget_ms: u32, is_done: ?*u32) Error!void {
    const l = try take(listener);
    defer leave(l);
    const e = try enterEncoder(encoder);
    defer leave(e);
    if (e.model != l.model) return errors.fail(error.Invalid, "encoder and listener are of two models", .{});
    const to = is_done orelse return missing("the result");
    to.* = @intFromBool(try l.run(e, clock.after(budget_ms)));
}

pub fn qasr_listener_encode(
    listener: ?*Listener,
    encoder: ?*Encoder,
    rows: ?[*]f32,
    capacity: u32,
    rows_count: ?*u32,
    kept: ?*u32,
    unchanged: ?*u32,
) Error!void {
    const l = try take(listener);
    defer leave(l);
    const e = try enterEncoder(encoder);
    defer leave(e);
    if (e.model != l.model) return errors.fail(error.Invalid, "encoder and listener are of two models", .{});
    const count = l.rowsCount();
    (rows_count orelse return missing("the count")).* = @intCast(count);
    if (count > capacity) {
        return errors.fail(error.TooSmall, "{d} rows needed, room for {d}", .{ count, capacity });
    }
    const result = try l.encode(e, rows orelse return missing("the result"));
    if (kept) |to| to.* = @intCast(result.kept);
    if (unchanged) |to| to.* = @intCast(result.unchanged);
}

// ----------------------------------------------------------------------------- whole recordings

pub fn qasr_transcribe_samples(
    model: ?*Model,
    samples: ?[*]const f32,
    samples_count: u32,
    language: ?[*]const u8,
    language_bytes: u32,
    context: ?[*]const u8,
    context_bytes: u32,
    callback: ?transcribe.Callback,
    user: ?*anyopaque,
    text: ?[*]u8,
    capacity: u32,
    text_bytes: ?*u32,
) Error!void {
    const m = model orelse return missing("the model");
    const said = try transcribe.samples(m, try slice(f32, samples, samples_count), .{
        .language = try slice(u8, language, language_bytes),
        .context = try slice(u8, context, context_bytes),
        .callback = callback,
        .user = user,
    });
    defer m.gpa.free(said);
    try exported.giveText(said, text, capacity, text_bytes);
}

pub fn qasr_transcribe_file(
    model: ?*Model,
    path: ?[*:0]const u8,
    language: ?[*]const u8,
    language_bytes: u32,
    context: ?[*]const u8,
    context_bytes: u32,
    callback: ?transcribe.Callback,
    user: ?*anyopaque,
    text: ?[*]u8,
    capacity: u32,
    text_bytes: ?*u32,
) Error!void {
    const m = model orelse return missing("the model");
    const said = try transcribe.file(m, std.mem.span(path orelse return missing("the path")), .{
        .language = try slice(u8, language, language_bytes),
        .context = try slice(u8, context, context_bytes),
        .callback = callback,
        .user = user,
    });
    defer m.gpa.free(said);
    try exported.giveText(said, text, capacity, text_bytes);
}

// ------------------------------------------------------------------------------------ self test

pub fn qasr_sgemm(a: ?[*]const f32, b: ?[*]const f32, c: ?[*]f32, m: u32, n: u32, k: u32) Error!void {
    if (a == null or b == null or c == null) return missing("a matrix");
    if (m == 0 or n == 0 or k == 0) return errors.fail(error.Invalid, "an empty matrix", .{});
    bench.sgemm(a.?, b.?, c.?, m, n, k);
}

pub fn qasr_measure(model: ?*Model, what: u32, m: u32, n: u32, k: u32, per_second: ?*f64) Error!void {
    const on = model orelse return missing("the model");
    const to = per_second orelse return missing("the result");
    to.* = try bench.measure(on, what, m, n, k);
}

// ------------------------------------------------------------------------------------ alignment

pub fn qasr_session_classify(
    session: ?*Session,
    ids: ?[*]const u32,
    count: u32,
    rows: ?[*]const f32,
    rows_count: u32,
    marker_id: u32,
    classes: ?[*]u32,
    margins: ?[*]f32,
    capacity: u32,
    classes_count: ?*u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const all = try slice(u32, ids, count);
    const markers = try Session.markersOf(all, marker_id);
    const to_classes = try exported.room(u32, markers, classes, capacity, classes_count);
    const to_margins = try exported.room(f32, markers, margins, capacity, classes_count);
    const floats = @as(usize, rows_count) * s.model.config.text.hidden;
    try s.classify(all, try slice(f32, rows, floats), marker_id, to_classes, to_margins);
}

pub fn qasr_session_classify_begin(
    session: ?*Session,
    ids: ?[*]const u32,
    count: u32,
    rows: ?[*]const f32,
    rows_count: u32,
    marker_id: u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const all = try slice(u32, ids, count);
    const floats = @as(usize, rows_count) * s.model.config.text.hidden;
    try s.classifyBegin(all, try slice(f32, rows, floats), marker_id, try Session.markersOf(all, marker_id));
}

pub fn qasr_session_classified(
    session: ?*Session,
    classes: ?[*]u32,
    margins: ?[*]f32,
    capacity: u32,
    classes_count: ?*u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const result = try s.classified();
    try give(u32, result.classes, classes, capacity, classes_count);
    try give(f32, result.margins, margins, capacity, classes_count);
}

// --------------------------------------------------------------------------------------- export

comptime {
    for (.{ @This(), @import("abi_voices.zig") }) |file| {
        for (@typeInfo(file).@"struct".decls) |one| {
            if (!std.mem.startsWith(u8, one.name, "qasr_")) continue;
            @export(&exported.Function(@field(file, one.name)).call, .{ .name = one.name });
        }
    }
}
