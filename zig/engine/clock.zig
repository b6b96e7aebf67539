//! Monotonic time, for work that is done in slices.

const std = @import("std");
const builtin = @import("builtin");

/// Nanoseconds since some moment.
pub const Time = u64;

/// A deadline that never passes.
pub const forever: Time = std.math.maxInt(Time);

pub fn now() Time {
    if (builtin.os.tag == .windows) return ofCounter();
    var time: std.c.timespec = undefined;
    const status = std.c.clock_gettime(.MONOTONIC, &time);
    std.debug.assert(status == 0);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

fn ofCounter() Time {
    var ticks: i64 = 0;
    var each_second: i64 = 0;
    _ = std.os.windows.ntdll.RtlQueryPerformanceCounter(&ticks);
    _ = std.os.windows.ntdll.RtlQueryPerformanceFrequency(&each_second);
    return @intCast(@divFloor(@as(i128, ticks) * std.time.ns_per_s, each_second));
}

/// The moment that far from now.
pub fn after(milliseconds: u32) Time {
    return now() + @as(u64, milliseconds) * std.time.ns_per_ms;
}

test "time does not run backwards, and a deadline is ahead" {
    const first = now();
    try std.testing.expect(now() >= first);
    try std.testing.expect(after(10) >= first + 10 * std.time.ns_per_ms);
    try std.testing.expect(after(std.math.maxInt(u32)) < forever);
}
