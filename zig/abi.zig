//! The C ABI of qwen_asr.h: checks arguments, turns errors into codes. Nothing else.
//!
//! Every `pub fn qasr_*` of this file is exported under its name (see exported.zig): one that returns
//! `Error!void` gives C the number of its error, or 0.

const std = @import("std");
const builtin = @import("builtin");
const bench = @import("engine/measure.zig");
const blas = @import("compute/blas.zig");
const cache_file = @import("packing/cache_file.zig");
const errors = @import("errors.zig");
const exported = @import("exported.zig");
const files = @import("checkpoint/files.zig");
const listener_ = @import("engine/listener.zig");
const model_ = @import("engine/model.zig");
const precision_ = @import("packing/precision.zig");
const session_ = @import("engine/session.zig");
const Listener = listener_.Listener;
const Model = model_.Model;
const Error = errors.Error;
const Session = session_.Session;

/// A bug in the engine, not an error of the user's: one line, and abort.
pub const panic = if (builtin.is_test)
    std.debug.FullPanic(std.debug.defaultPanic)
else
    std.debug.FullPanic(panicLine);

fn panicLine(message: []const u8, _: ?usize) noreturn {
    for ([_][]const u8{ "qwen-asr: internal error: ", message, "\n" }) |part| {
        _ = std.c.write(2, part.ptr, part.len);
    }
    std.c.abort();
}

const gpa = std.heap.c_allocator;

fn missing(comptime what: []const u8) errors.Error {
    return errors.fail(error.Invalid, what ++ " is null", .{});
}

fn slice(comptime T: type, pointer: ?[*]const T, count: usize) Error![]const T {
    if (count == 0) return &.{};
    return (pointer orelse return missing("an array"))[0..count];
}

/// Copies a result out, or says how much room it needs.
fn give(comptime T: type, from: []const T, to: ?[*]T, capacity: u32, count: ?*u32) Error!void {
    (count orelse return missing("the count")).* = @intCast(from.len);
    if (from.len > capacity) {
        return errors.fail(error.TooSmall, "{d} needed, room for {d}", .{ from.len, capacity });
    }
    if (from.len > 0) @memcpy((to orelse return missing("the result"))[0..from.len], from);
}

pub fn qasr_abi_version() u32 {
    return 1;
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
    out: ?**Model,
) Error!void {
    const path = std.mem.span(folder orelse return missing("the folder"));
    const to = out orelse return missing("the result");
    to.* = try Model.open(gpa, .{ .folder = path }, try optionsOf(threads, weights, cache_folder));
}

pub fn qasr_packing_permille() u32 {
    return Model.packing_permille.load(.monotonic);
}

fn optionsOf(threads: u32, weights: u32, cache_folder: ?[*:0]const u8) Error!Model.Options {
    const precision = std.enums.fromInt(precision_.Precision, weights) orelse
        return errors.fail(error.Invalid, "precision {d}: not a qasr_weights", .{weights});
    const folder = if (cache_folder) |path| std.mem.span(path) else null;
    return .{ .threads = threads, .precision = precision, .cache_folder = folder };
}

pub fn qasr_model_open_memory(
    names: ?[*]const [*:0]const u8,
    data: ?[*]const [*]const u8,
    sizes: ?[*]const u64,
    count: u32,
    threads: u32,
    weights: u32,
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
    to.* = try Model.open(gpa, .{ .memory = list }, try optionsOf(threads, weights, null));
}

pub fn qasr_model_close(model: ?*Model) void {
    if (model) |m| m.close();
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

/// Takes the session for this call; every successful take or enter is followed by leave.
fn take(session: ?*Session) Error!*Session {
    const s = session orelse return missing("the session");
    if (s.busy.swap(true, .acquire)) {
        return errors.fail(error.Busy, "another thread is using this session", .{});
    }
    return s;
}

/// As `take`, of a session that is not cancelled.
fn enter(session: ?*Session) Error!*Session {
    const s = try take(session);
    if (s.cancelled.load(.monotonic)) {
        leave(s);
        return errors.fail(error.Cancelled, "cancelled", .{});
    }
    return s;
}

fn leave(session: *Session) void {
    session.busy.store(false, .release);
}

pub fn qasr_mel(
    session: ?*Session,
    samples: ?[*]const f32,
    samples_count: u32,
    mel: ?[*]f32,
    capacity: u32,
    frames: ?*u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const count = Session.framesOf(samples_count);
    (frames orelse return missing("the count")).* = @intCast(count);
    const floats = count * s.model.config.audio.mel_bins;
    if (floats > capacity) {
        return errors.fail(error.TooSmall, "{d} floats needed, room for {d}", .{ floats, capacity });
    }
    const to = (mel orelse return missing("the result"))[0..floats];
    try s.features(try slice(f32, samples, samples_count), to);
}

pub fn qasr_encode(
    session: ?*Session,
    samples: ?[*]const f32,
    samples_count: u32,
    window_frames: u32,
    rows: ?[*]f32,
    capacity: u32,
    rows_count: ?*u32,
) Error!void {
    const s = try enter(session);
    defer leave(s);
    const count = s.rowsOf(samples_count);
    (rows_count orelse return missing("the count")).* = @intCast(count);
    if (rows == null and capacity == 0) return;
    if (count > capacity) {
        return errors.fail(error.TooSmall, "{d} rows needed, room for {d}", .{ count, capacity });
    }
    const to = rows orelse return missing("the result");
    try s.encode(try slice(f32, samples, samples_count), window_frames, to);
}

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

pub fn qasr_session_truncate(session: ?*Session, positions: u32) Error!void {
    const s = try take(session);
    defer leave(s);
    if (positions > s.decoder.positions) {
        return errors.fail(
            error.Invalid,
            "cannot truncate to {d} positions: there are {d}",
            .{ positions, s.decoder.positions },
        );
    }
    s.decoder.truncate(positions);
    if (positions == 0) s.cancelled.store(false, .monotonic);
}

pub fn qasr_session_positions(session: ?*const Session) u32 {
    return if (session) |s| s.decoder.positions else 0;
}

pub fn qasr_sessions_step(sessions: ?[*]const ?*Session, ids: ?[*]const u32, count: u32) Error!void {
    const most = @import("network/decoder.zig").Decoder.step_max;
    if (count == 0 or count > most) {
        return errors.fail(error.Invalid, "{d} sessions, must be 1 to {d}", .{ count, most });
    }
    const all = try slice(?*Session, sessions, count);
    var entered: [most]*Session = undefined;
    var entered_count: usize = 0;
    defer for (entered[0..entered_count]) |one| leave(one);
    for (all) |one| { // The same session twice is busy the second time.
        entered[entered_count] = try enter(one);
        entered_count += 1;
    }
    try Session.step(entered[0..count], try slice(u32, ids, count));
}

pub fn qasr_session_next(session: ?*Session, id: ?*u32, logprob: ?*f32) Error!void {
    const s = try enter(session);
    defer leave(s);
    const to = id orelse return missing("the result");
    const result = try s.decoder.next();
    to.* = result.id;
    if (logprob) |l| l.* = result.logprob;
}

pub fn qasr_session_top(session: ?*Session, k: u32, ids: ?[*]u32, logits: ?[*]f32) Error!void {
    const s = try enter(session);
    defer leave(s);
    if (k == 0 or k > s.decoder.logits.len or k > 1000) {
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

/// Takes the listener for this call; every successful one is followed by `leaveListener`.
fn enterListener(listener: ?*Listener) Error!*Listener {
    const l = listener orelse return missing("the listener");
    if (l.busy.swap(true, .acquire)) {
        return errors.fail(error.Busy, "another thread is using this listener", .{});
    }
    return l;
}

fn leaveListener(listener: *Listener) void {
    listener.busy.store(false, .release);
}

pub fn qasr_listener_append(listener: ?*Listener, samples: ?[*]const f32, count: u32) Error!void {
    const l = try enterListener(listener);
    defer leaveListener(l);
    try l.append(try slice(f32, samples, count));
}

pub fn qasr_listener_forget(listener: ?*Listener, windows: u32) Error!void {
    const l = try enterListener(listener);
    defer leaveListener(l);
    if (windows == std.math.maxInt(u32)) l.forgetAll() else try l.forget(windows);
}

pub fn qasr_listener_rows(listener: ?*const Listener) u32 {
    return if (listener) |l| @intCast(l.rowsCount()) else 0;
}

pub fn qasr_listener_encode(
    listener: ?*Listener,
    session: ?*Session,
    rows: ?[*]f32,
    capacity: u32,
    rows_count: ?*u32,
    kept: ?*u32,
    unchanged: ?*u32,
) Error!void {
    const l = try enterListener(listener);
    defer leaveListener(l);
    const s = try enter(session);
    defer leave(s);
    if (s.model != l.model) return errors.fail(error.Invalid, "session and listener are of two models", .{});
    const count = l.rowsCount();
    (rows_count orelse return missing("the count")).* = @intCast(count);
    if (count > capacity) {
        return errors.fail(error.TooSmall, "{d} rows needed, room for {d}", .{ count, capacity });
    }
    const result = try l.encode(&s.encoder, rows orelse return missing("the result"));
    if (kept) |to| to.* = @intCast(result.kept);
    if (unchanged) |to| to.* = @intCast(result.unchanged);
}

// ------------------------------------------------------------------------------------ self test

pub fn qasr_sgemm(a: ?[*]const f32, b: ?[*]const f32, c: ?[*]f32, m: u32, n: u32, k: u32) Error!void {
    if (a == null or b == null or c == null) return missing("a matrix");
    if (m == 0 or n == 0 or k == 0) return errors.fail(error.Invalid, "an empty matrix", .{});
    if (blas.available and blas.isUsed()) {
        blas.init();
        blas.sgemm(m, n, k, a.?, k, b.?, k, c.?, n);
    } else for (0..m) |i| for (0..n) |j| {
        var sum: f32 = 0;
        for (0..k) |l| sum += a.?[i * k + l] * b.?[j * k + l];
        c.?[i * n + j] = sum;
    };
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
    const markers = std.mem.count(u32, all, &.{marker_id});
    (classes_count orelse return missing("the count")).* = @intCast(markers);
    if (markers > capacity) {
        return errors.fail(error.TooSmall, "{d} needed, room for {d}", .{ markers, capacity });
    }
    if (markers == 0) return errors.fail(error.Invalid, "no marker {d} among the ids", .{marker_id});
    const floats = @as(usize, rows_count) * s.model.config.text.hidden;
    const to_classes = classes orelse return missing("the classes");
    const to_margins = margins orelse return missing("the margins");
    try s.classify(all, try slice(f32, rows, floats), marker_id, to_classes, to_margins);
}

// --------------------------------------------------------------------------------------- export

comptime {
    for (@typeInfo(@This()).@"struct".decls) |one| {
        if (!std.mem.startsWith(u8, one.name, "qasr_")) continue;
        @export(&exported.Function(@field(@This(), one.name)).call, .{ .name = one.name });
    }
}

test {
    _ = @import("network/aligner.zig");
    _ = @import("engine/measure.zig");
    _ = @import("kernels/equivalence_test.zig");
    _ = @import("compute/blas.zig");
    _ = @import("compute/buffers.zig");
    _ = @import("packing/cache.zig");
    _ = @import("packing/cache_folder.zig");
    _ = @import("packing/cache_layout.zig");
    _ = @import("packing/cache_test.zig");
    _ = @import("compute/compute.zig");
    _ = @import("compute/matrix.zig");
    _ = @import("checkpoint/config.zig");
    _ = @import("compute/cpu.zig");
    _ = @import("network/decoder.zig");
    _ = @import("network/encoder.zig");
    _ = @import("errors.zig");
    _ = @import("checkpoint/files.zig");
    _ = @import("tokenizer/json_reader.zig");
    _ = @import("engine/listener.zig");
    _ = @import("engine/listener_test.zig");
    _ = @import("network/mel.zig");
    _ = @import("network/mel_test.zig");
    _ = @import("engine/model.zig");
    _ = @import("packing/precision.zig");
    _ = @import("tokenizer/pretokenizer.zig");
    _ = @import("checkpoint/safetensors.zig");
    _ = @import("engine/session.zig");
    _ = @import("compute/threads.zig");
    _ = @import("tokenizer/token_tables.zig");
    _ = @import("tokenizer/tokenizer.zig");
    _ = @import("tokenizer/tokenizer_test.zig");
    _ = @import("tokenizer/unicode_tables.zig");
    _ = @import("network/verify.zig");
    _ = @import("tokenizer/vocabulary.zig");
    _ = @import("checkpoint/weights.zig");
    _ = @import("checkpoint/weights_test.zig");
}
