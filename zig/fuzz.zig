//! Root of the fuzzers: the program that tests/slow/fuzz.ts builds in ReleaseSafe and runs.
//!
//!     fuzz checkpoint|tokenizer [inputs = 1000000] [seed = 1]

const std = @import("std");

const fuzzers = .{
    .checkpoint = @import("checkpoint/fuzz.zig"),
    .tokenizer = @import("tokenizer/fuzz.zig"),
};

pub fn main(init: std.process.Init) !void {
    const arguments = try init.minimal.args.toSlice(init.arena.allocator());
    const wish = if (arguments.len > 1) arguments[1] else "";
    const inputs = if (arguments.len > 2) try std.fmt.parseInt(u64, arguments[2], 10) else 1_000_000;
    const seed = if (arguments.len > 3) try std.fmt.parseInt(u64, arguments[3], 10) else 1;
    inline for (std.meta.fields(@TypeOf(fuzzers))) |fuzzer| {
        if (std.mem.eql(u8, wish, fuzzer.name)) return @field(fuzzers, fuzzer.name).run(inputs, seed);
    }
    std.debug.print("usage: fuzz checkpoint|tokenizer [inputs] [seed]\n", .{});
    return error.NoSuchFuzzer;
}
