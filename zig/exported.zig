//! What the functions of abi.zig and abi_voices.zig are made with: checks of C's pointers, results copied out, and the
//! function as C calls it, with the same parameters, and for an error its number.
//!
//! The language has no way to say "the parameters of that function, but callable from C", so there
//! is one line here for every number of them; in exchange each function stands once in abi.zig.

const std = @import("std");
const builtin = @import("builtin");
const errors = @import("errors.zig");
const Error = errors.Error;

/// The C library's, which has small numbers for files also on Windows.
pub const write = if (builtin.os.tag == .windows)
    @extern(*const fn (c_int, [*]const u8, c_uint) callconv(.c) c_int, .{ .name = "_write" })
else
    &std.c.write;

pub fn missing(comptime what: []const u8) Error {
    return errors.fail(error.Invalid, what ++ " is null", .{});
}

pub fn slice(comptime T: type, pointer: ?[*]const T, count: usize) Error![]const T {
    if (count == 0) return &.{};
    return (pointer orelse return missing("an array"))[0..count];
}

/// The handle, which is the caller's until `leave`: a second thread gets `Busy`.
pub fn take(handle: anytype, comptime name: []const u8) Error!@typeInfo(@TypeOf(handle)).optional.child {
    const one = handle orelse return missing("the handle");
    if (one.busy.swap(true, .acquire)) {
        return errors.fail(error.Busy, "another thread is using this " ++ name, .{});
    }
    return one;
}

pub fn leave(handle: anytype) void {
    handle.busy.store(false, .release);
}

/// Where a result of so many goes, or how much room it needs.
pub fn room(comptime T: type, needed: usize, to: ?[*]T, capacity: u32, count: ?*u32) Error![]T {
    (count orelse return missing("the count")).* = @intCast(needed);
    if (needed > capacity) {
        return errors.fail(error.TooSmall, "{d} needed, room for {d}", .{ needed, capacity });
    }
    return if (needed == 0) &.{} else (to orelse return missing("the result"))[0..needed];
}

/// Copies a result out, or says how much room it needs.
pub fn give(comptime T: type, from: []const T, to: ?[*]T, capacity: u32, count: ?*u32) Error!void {
    @memcpy(try room(T, from.len, to, capacity, count), from);
}

/// Who has had the text by callback may want none of it.
pub fn giveText(said: []const u8, text: ?[*]u8, capacity: u32, text_bytes: ?*u32) Error!void {
    if (text != null or capacity > 0) return give(u8, said, text, capacity, text_bytes);
    if (text_bytes) |to| to.* = @intCast(said.len);
}

/// Has `call`, with the parameters of `f`. Where `f` returns `Error!void` it returns a qasr_status,
/// else what `f` returns.
pub fn Function(comptime f: anytype) type {
    const info = @typeInfo(@TypeOf(f)).@"fn";
    const R = Result(info.return_type.?);
    const P = parameters: {
        var types: [info.params.len]type = undefined;
        for (&types, info.params) |*to, one| to.* = one.type.?;
        break :parameters types;
    };
    // zig fmt: off
    return switch (P.len) {
        0 => struct { pub fn call() callconv(.c) R { return result(f()); } },
        1 => struct { pub fn call(a: P[0]) callconv(.c) R { return result(f(a)); } },
        2 => struct { pub fn call(a: P[0], b: P[1]) callconv(.c) R { return result(f(a, b)); } },
        3 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2],
        ) callconv(.c) R { return result(f(a, b, c)); } },
        4 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3],
        ) callconv(.c) R { return result(f(a, b, c, d)); } },
        5 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4],
        ) callconv(.c) R { return result(f(a, b, c, d, e)); } },
        6 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4], g: P[5],
        ) callconv(.c) R { return result(f(a, b, c, d, e, g)); } },
        7 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4], g: P[5], h: P[6],
        ) callconv(.c) R { return result(f(a, b, c, d, e, g, h)); } },
        8 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4], g: P[5], h: P[6], i: P[7],
        ) callconv(.c) R { return result(f(a, b, c, d, e, g, h, i)); } },
        9 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4], g: P[5], h: P[6], i: P[7], j: P[8],
        ) callconv(.c) R { return result(f(a, b, c, d, e, g, h, i, j)); } },
        10 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4], g: P[5], h: P[6], i: P[7], j: P[8], k: P[9],
        ) callconv(.c) R { return result(f(a, b, c, d, e, g, h, i, j, k)); } },
        11 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4], g: P[5], h: P[6], i: P[7], j: P[8], k: P[9], l: P[10],
        ) callconv(.c) R { return result(f(a, b, c, d, e, g, h, i, j, k, l)); } },
        12 => struct { pub fn call(
            a: P[0], b: P[1], c: P[2], d: P[3], e: P[4], g: P[5], h: P[6], i: P[7], j: P[8], k: P[9], l: P[10],
            m: P[11],
        ) callconv(.c) R { return result(f(a, b, c, d, e, g, h, i, j, k, l, m)); } },
        else => @compileError("exported.zig has no line for so many parameters"),
    };
    // zig fmt: on
}

fn Result(comptime T: type) type {
    return if (T == errors.Error!void) i32 else T;
}

fn result(value: anytype) Result(@TypeOf(value)) {
    if (@TypeOf(value) != errors.Error!void) return value;
    value catch |err| return code(err);
    return 0;
}

fn code(err: errors.Error) i32 {
    return switch (err) {
        error.Invalid => -1,
        error.Model => -2,
        error.OutOfMemory => -3,
        error.TooSmall => -4,
        error.TooLong => -5,
        error.Busy => -6,
        error.Cancelled => -7,
    };
}
