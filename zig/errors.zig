//! The one way anything in the engine reports a failure: an error from a small set, and one sentence beside it.
//!
//! The sentence is kept per thread, so a failure in one session cannot overwrite another's. Nothing is allocated.

const std = @import("std");

/// Each maps to one `qasr_status` of qwen_asr.h.
pub const Error = error{ Invalid, Model, OutOfMemory, TooSmall, TooLong, Busy, Cancelled };

threadlocal var buffer: [1024]u8 = undefined;
threadlocal var length: usize = 0;

/// Records the sentence and returns `kind`, for `return fail(error.Model, "{s}: ...", .{path})`.
/// A sentence that does not fit is cut at its end.
pub fn fail(kind: Error, comptime format: []const u8, arguments: anytype) Error {
    var writer: std.Io.Writer = .fixed(&buffer);
    writer.print(format, arguments) catch {}; // Only fails when full: the front is kept.
    length = writer.end;
    return kind;
}

/// The last sentence of this thread; valid until its next failure.
pub fn message() []const u8 {
    return buffer[0..length];
}

/// Runs out of memory with a sentence that says what for.
pub fn outOfMemory(comptime what: []const u8) Error {
    return fail(error.OutOfMemory, "not enough memory for " ++ what, .{});
}

test "fail keeps one sentence per thread and cuts a long one" {
    try std.testing.expectEqual(error.Model, fail(error.Model, "{s}: bad", .{"x.safetensors"}));
    try std.testing.expectEqualStrings("x.safetensors: bad", message());
    try std.testing.expectEqual(error.Invalid, fail(error.Invalid, "{s}", .{"y" ** 2000}));
    try std.testing.expectEqual(@as(usize, 1024), message().len);
}
