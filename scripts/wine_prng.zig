//! bcryptprimitives.dll for Wine 8, which has none: Bun asks it for random bytes. Lies beside an executable that is
//! tried under Wine, and is no part of a release.

extern "advapi32" fn SystemFunction036([*]u8, u32) callconv(.winapi) u8;
export fn ProcessPrng(buffer: [*]u8, count: usize) callconv(.winapi) c_int {
    var done: usize = 0;
    while (done < count) {
        const part: u32 = @intCast(@min(count - done, 1 << 20));
        if (SystemFunction036(buffer + done, part) == 0) return 0;
        done += part;
    }
    return 1;
}
