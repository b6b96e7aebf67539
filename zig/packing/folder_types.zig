//! What posix_folder.zig and windows_folder.zig have in common: what they are given and what they answer.

const std = @import("std");

/// An open file.
pub const Fd = std.posix.fd_t;

/// A name in the folder, with its terminator.
pub const Name = [*:0]const u8;

pub const Mapping = []align(std.heap.page_size_min) const u8;

/// What a path leads to. A refusal is static text.
pub const OpenedPath = union(enum) { file: Fd, not_regular, refused: []const u8 };

pub const Unusable = error{Unusable};

/// Why the cache cannot be used: one sentence with the path.
pub const Reason = struct {
    buffer: [1024]u8 = undefined,
    length: usize = 0,

    pub fn set(self: *Reason, comptime format: []const u8, arguments: anytype) Unusable {
        var writer: std.Io.Writer = .fixed(&self.buffer);
        writer.print(format, arguments) catch {}; // Only fails when full: the front is kept.
        self.length = writer.end;
        return error.Unusable;
    }

    pub fn text(self: *const Reason) []const u8 {
        return self.buffer[0..self.length];
    }
};
