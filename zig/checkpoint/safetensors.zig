//! Tensors of a checkpoint in the safetensors format, one file or several shards.
//!
//! In: a `files.Source`. It is read as `model.safetensors`, else `model.safetensors.index.json` and
//! the shards its `weight_map` names (no other file). Out: every tensor by name, its bytes checked
//! to lie inside its file and to be as many as its shape and dtype need. Nothing of the data itself
//! is read here, so no page of it is touched.
//!
//! A file is an 8-byte little-endian length, that many bytes of JSON `{name: {dtype, shape,
//! data_offsets}}`, then data. Data may start at any byte: `Tensor.bytes` promises no alignment.

const std = @import("std");
const builtin = @import("builtin");
const errors = @import("../errors.zig");
const files = @import("files.zig");

const Allocator = std.mem.Allocator;
const Error = errors.Error;
const fail = errors.fail;
const quote = files.quote;
const Scanner = std.json.Scanner;

const single_name = "model.safetensors";
const index_name = "model.safetensors.index.json";
const header_bytes_max = 100_000_000; // The format's own limit.
const rank_max = 8;
const tensors_max = 1_000_000; // The models here have about 700.
const shards_max = 10_000;

comptime {
    // Data is little-endian and used in place.
    std.debug.assert(builtin.cpu.arch.endian() == .little);
}

pub const Dtype = enum {
    bool,
    u8,
    i8,
    f8_e4m3,
    f8_e5m2,
    f8_e8m0,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    i64,
    u64,
    f64,
    c64,

    /// Bytes of one element.
    pub fn size(self: Dtype) u64 {
        return switch (self) {
            .bool, .u8, .i8, .f8_e4m3, .f8_e5m2, .f8_e8m0 => 1,
            .i16, .u16, .f16, .bf16 => 2,
            .i32, .u32, .f32 => 4,
            .i64, .u64, .f64, .c64 => 8,
        };
    }

    /// The name as files spell it, "BF16".
    fn parse(text: []const u8) ?Dtype {
        var lower: [16]u8 = undefined;
        if (text.len > lower.len) return null;
        for (text) |byte| if (std.ascii.isLower(byte)) return null;
        return std.meta.stringToEnum(Dtype, std.ascii.lowerString(&lower, text));
    }
};

pub const Tensor = struct {
    name: []const u8,
    dtype: Dtype,
    rank: u8,
    dimensions: [rank_max]u64,
    bytes: []const u8, // Any alignment.
    file: []const u8, // Path of its file, for messages.

    pub fn shape(self: *const Tensor) []const u64 {
        return self.dimensions[0..self.rank];
    }
};

pub const Checkpoint = struct {
    path: []const u8, // What messages call the whole: the file, or the index of several.
    tensors: std.StringArrayHashMapUnmanaged(Tensor), // In file order.
    shards: u32,

    pub fn find(self: *const Checkpoint, name: []const u8) ?*const Tensor {
        return self.tensors.getPtr(name);
    }
};

/// Everything returned lives in `arena` and in `source`, which must both outlive it.
pub fn open(arena: Allocator, source: *files.Source) Error!Checkpoint {
    return openAny(arena, source) catch |reason| switch (reason) {
        error.OutOfMemory => errors.outOfMemory("the list of tensors"),
        else => reason,
    };
}

fn openAny(arena: Allocator, source: *files.Source) Error!Checkpoint {
    if (try source.get(single_name)) |bytes| {
        const path = try source.describe(arena, single_name);
        var checkpoint: Checkpoint = .{ .path = path, .tensors = .empty, .shards = 1 };
        try readFile(arena, path, bytes, &checkpoint.tensors);
        if (checkpoint.tensors.count() == 0) return fail(
            error.Model,
            "{s}: has no tensors",
            .{path},
        );
        return checkpoint;
    }
    const index = (try source.get(index_name)) orelse
        return fail(
            error.Model,
            "{s}: has neither {s} nor {s}",
            .{ source.label(), single_name, index_name },
        );
    return openShards(arena, source, index);
}

fn openShards(arena: Allocator, source: *files.Source, index: []const u8) Error!Checkpoint {
    const path = try source.describe(arena, index_name);
    const homes = try readIndex(arena, path, index);
    var checkpoint: Checkpoint = .{ .path = path, .tensors = .empty, .shards = 0 };
    var seen: std.StringArrayHashMapUnmanaged(void) = .empty;
    for (homes.values()) |shard| {
        if ((try seen.getOrPut(arena, shard)).found_existing) continue;
        if (seen.count() > shards_max) return fail(
            error.Model,
            "{s}: names too many files",
            .{path},
        );
        const shard_path = try source.describe(arena, shard);
        const bytes = (try source.get(shard)) orelse
            return fail(
                error.Model,
                "{s}: missing, though {s} names it",
                .{ shard_path, index_name },
            );
        try readFile(arena, shard_path, bytes, &checkpoint.tensors);
        checkpoint.shards += 1;
    }
    for (homes.keys(), homes.values()) |name, shard| {
        const tensor = checkpoint.find(name) orelse
            return fail(error.Model, "{s}: tensor \"{f}\" should be in \"{s}\", " ++
                "which does not have it", .{
                path, quote(name), shard,
            });
        if (!std.mem.eql(u8, std.fs.path.basename(tensor.file), shard)) {
            return fail(error.Model, "{s}: tensor \"{f}\" should be in \"{s}\" but is in {s}", .{
                path, quote(name), shard, tensor.file,
            });
        }
    }
    return checkpoint;
}

/// The index's `weight_map`: tensor name -> shard's file name.
fn readIndex(
    arena: Allocator,
    path: []const u8,
    text: []const u8,
) Error!std.StringArrayHashMapUnmanaged([]const u8) {
    if (text.len > header_bytes_max) return fail(
        error.Model,
        "{s}: too large for an index",
        .{path},
    );
    var reader: Reader = .{
        .scanner = .initCompleteInput(arena, text),
        .arena = arena,
        .path = path,
    };
    var homes: std.StringArrayHashMapUnmanaged([]const u8) = .empty;
    var has_map = false;
    try reader.expect(.object_begin, "an object");
    while (try reader.key()) |key| {
        if (!std.mem.eql(u8, key, "weight_map")) {
            try reader.skip();
            continue;
        }
        if (has_map) return fail(error.Model, "{s}: \"weight_map\" is there twice", .{path});
        has_map = true;
        try reader.expect(.object_begin, "an object as weight_map");
        while (try reader.key()) |name| {
            const shard = try reader.string("a file name");
            if (!files.isPlainName(shard)) {
                return fail(error.Model, "{s}: tensor \"{f}\": \"{f}\" is not a plain file name", .{
                    path, quote(name), quote(shard),
                });
            }
            const entry = try homes.getOrPut(arena, name);
            if (entry.found_existing) {
                return fail(
                    error.Model,
                    "{s}: tensor \"{f}\" is there twice",
                    .{ path, quote(name) },
                );
            }
            if (homes.count() > tensors_max) return fail(
                error.Model,
                "{s}: names too many tensors",
                .{path},
            );
            entry.value_ptr.* = shard;
        }
    }
    try reader.end();
    if (homes.count() == 0) return fail(
        error.Model,
        "{s}: has no weight_map, or an empty one",
        .{path},
    );
    return homes;
}

/// Checks one file's header and adds its tensors.
fn readFile(
    arena: Allocator,
    path: []const u8,
    bytes: []const u8,
    tensors: *std.StringArrayHashMapUnmanaged(Tensor),
) Error!void {
    if (bytes.len < 8) {
        return fail(
            error.Model,
            "{s}: {d} bytes are too few for a safetensors file",
            .{ path, bytes.len },
        );
    }
    const header_bytes = std.mem.readInt(u64, bytes[0..8], .little);
    if (header_bytes > header_bytes_max) {
        return fail(
            error.Model,
            "{s}: not a safetensors file (header of {d} bytes)",
            .{ path, header_bytes },
        );
    }
    if (header_bytes > bytes.len - 8) {
        return fail(error.Model, "{s}: the header ends at byte {d}, the file at {d} " ++
            "(truncated download?)", .{
            path, header_bytes + 8, bytes.len,
        });
    }
    const text = bytes[8..][0..@intCast(header_bytes)];
    const first = tensors.count();
    var reader: Reader = .{
        .scanner = .initCompleteInput(arena, text),
        .arena = arena,
        .path = path,
    };
    try reader.expect(.object_begin, "an object");
    while (try reader.key()) |name| {
        if (std.mem.eql(u8, name, "__metadata__")) {
            try reader.skip();
            continue;
        }
        const tensor = try readTensor(&reader, name, bytes, @intCast(header_bytes + 8));
        const entry = try tensors.getOrPut(arena, name);
        if (entry.found_existing) {
            return fail(error.Model, "{s}: tensor \"{f}\" is there twice (also in {s})", .{
                path, quote(name), entry.value_ptr.file,
            });
        }
        if (tensors.count() > tensors_max) return fail(
            error.Model,
            "{s}: too many tensors",
            .{path},
        );
        entry.value_ptr.* = tensor;
    }
    try reader.end();
    try checkOverlaps(arena, path, tensors.values()[first..]);
}

/// Reads and checks the value of one header entry.
fn readTensor(reader: *Reader, name: []const u8, file: []const u8, data_start: usize) Error!Tensor {
    const path = reader.path;
    reader.tensor = name;
    defer reader.tensor = null;
    var tensor: Tensor = .{
        .name = name,
        .dtype = .u8,
        .rank = 0,
        .dimensions = @splat(0),
        .bytes = "",
        .file = path,
    };
    var dtype: ?[]const u8 = null;
    var has_shape = false;
    var offsets: ?[2]u64 = null;
    try reader.expect(.object_begin, "an object");
    while (try reader.key()) |key| {
        const field = std.meta.stringToEnum(enum { dtype, shape, data_offsets }, key) orelse {
            try reader.skip();
            continue;
        };
        const repeated = switch (field) {
            .dtype => dtype != null,
            .shape => has_shape,
            .data_offsets => offsets != null,
        };
        if (repeated) return reader.bad("{t} is there twice", .{field});
        switch (field) {
            .dtype => dtype = try reader.string("a dtype's name"),
            .shape => {
                tensor.rank = @intCast((try reader.numbers(&tensor.dimensions, "shape")).len);
                has_shape = true;
            },
            .data_offsets => {
                var pair: [2]u64 = undefined;
                if ((try reader.numbers(&pair, "data_offsets")).len != 2) {
                    return reader.bad("data_offsets are not two numbers", .{});
                }
                offsets = pair;
            },
        }
    }
    const dtype_name = dtype orelse return reader.bad("has no dtype", .{});
    if (!has_shape) return reader.bad("has no shape", .{});
    const begin, const end = offsets orelse return reader.bad("has no data_offsets", .{});
    tensor.dtype = Dtype.parse(dtype_name) orelse return reader.bad(
        "unknown dtype \"{f}\"",
        .{quote(dtype_name)},
    );
    if (begin > end) return reader.bad(
        "begins at byte {d} of the data, after its end at {d}",
        .{ begin, end },
    );
    const data = file[data_start..];
    if (end > data.len) {
        return reader.bad("ends at byte {d}, the file at {d} (truncated download?)", .{
            @as(u128, end) + data_start, file.len,
        });
    }
    const needed = byteCount(tensor.shape(), tensor.dtype) orelse
        return reader.bad("shape {f} is too large for any file", .{formatShape(tensor.shape())});
    if (needed != end - begin) {
        return reader.bad("has {d} bytes, {f} of {s} needs {d}", .{
            end - begin, formatShape(tensor.shape()), dtype_name, needed,
        });
    }
    tensor.bytes = data[@intCast(begin)..@intCast(end)];
    return tensor;
}

/// Null on overflow.
fn byteCount(shape: []const u64, dtype: Dtype) ?u64 {
    var count: u64 = dtype.size();
    for (shape) |dimension| {
        const product, const overflow = @mulWithOverflow(count, dimension);
        if (overflow != 0) return null;
        count = product;
    }
    return count;
}

/// Two tensors over the same bytes are a damaged header: the format allows no overlap.
fn checkOverlaps(arena: Allocator, path: []const u8, tensors: []const Tensor) Error!void {
    const order = try arena.alloc(u32, tensors.len);
    defer arena.free(order);
    for (order, 0..) |*slot, i| slot.* = @intCast(i);
    std.mem.sortUnstable(u32, order, tensors, struct {
        fn before(all: []const Tensor, a: u32, b: u32) bool {
            return @intFromPtr(all[a].bytes.ptr) < @intFromPtr(all[b].bytes.ptr);
        }
    }.before);
    var end: usize = 0;
    var owner: u32 = 0;
    for (order) |i| {
        const bytes = tensors[i].bytes;
        if (bytes.len == 0) continue;
        if (@intFromPtr(bytes.ptr) < end) {
            return fail(error.Model, "{s}: tensors \"{f}\" and \"{f}\" overlap", .{
                path, quote(tensors[owner].name), quote(tensors[i].name),
            });
        }
        end = @intFromPtr(bytes.ptr) + bytes.len;
        owner = i;
    }
}

/// A shape as messages write it, "[128, 512]". Print with {f}.
pub fn formatShape(shape: []const u64) std.fmt.Alt([]const u64, writeShape) {
    return .{ .data = shape };
}

fn writeShape(shape: []const u64, writer: *std.Io.Writer) std.Io.Writer.Error!void {
    try writer.writeByte('[');
    for (shape, 0..) |dimension, i| try writer.print(
        "{s}{d}",
        .{ if (i == 0) "" else ", ", dimension },
    );
    try writer.writeByte(']');
}

/// JSON tokens of a header or index, every failure a sentence that names file and tensor.
const Reader = struct {
    scanner: Scanner,
    arena: Allocator,
    path: []const u8,
    tensor: ?[]const u8 = null, // Inside its entry.

    fn bad(self: *const Reader, comptime format: []const u8, arguments: anytype) Error {
        if (self.tensor) |name| {
            const front = .{ self.path, quote(name) };
            return fail(error.Model, "{s}: tensor \"{f}\" " ++ format, front ++ arguments);
        }
        return fail(error.Model, "{s}: " ++ format, .{self.path} ++ arguments);
    }

    fn next(self: *Reader) Error!std.json.Token {
        return self.scanner.nextAlloc(self.arena, .alloc_if_needed) catch |reason|
            self.badJson(reason);
    }

    fn badJson(self: *Reader, reason: anyerror) Error {
        if (reason == error.OutOfMemory) return error.OutOfMemory;
        return self.bad("is not valid JSON at byte {d}", .{self.scanner.cursor});
    }

    fn expect(
        self: *Reader,
        tag: std.meta.Tag(std.json.Token),
        comptime what: []const u8,
    ) Error!void {
        if (try self.next() != tag) return self.bad("should be " ++ what, .{});
    }

    /// The next key of the object being read, null at its end.
    fn key(self: *Reader) Error!?[]const u8 {
        return switch (try self.next()) {
            .object_end => null,
            .string, .allocated_string => |text| text,
            else => unreachable, // The scanner lets nothing else stand here.
        };
    }

    fn string(self: *Reader, comptime what: []const u8) Error![]const u8 {
        return switch (try self.next()) {
            .string, .allocated_string => |text| text,
            else => self.bad("should have " ++ what ++ " in quotes", .{}),
        };
    }

    /// An array of whole numbers, no more than fit into `into`.
    fn numbers(self: *Reader, into: []u64, comptime what: []const u8) Error![]u64 {
        if (try self.next() != .array_begin) return self.bad(what ++ " is not a list", .{});
        var count: usize = 0;
        while (true) switch (try self.next()) {
            .array_end => return into[0..count],
            .number, .allocated_number => |text| {
                if (count == into.len) return self.bad(
                    what ++ " has more than {d} entries",
                    .{into.len},
                );
                into[count] = std.fmt.parseInt(u64, text, 10) catch
                    return self.bad(what ++ " has \"{f}\" in it", .{quote(text)});
                count += 1;
            },
            else => return self.bad(what ++ " has an entry that is no number", .{}),
        };
    }

    fn skip(self: *Reader) Error!void {
        self.scanner.skipValue() catch |reason| return self.badJson(reason);
    }

    /// Only white space may follow; headers are padded with it.
    fn end(self: *Reader) Error!void {
        if (try self.next() != .end_of_document) return self.bad(
            "has more than one JSON value",
            .{},
        );
    }
};

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

/// A safetensors file of this header and data, for tests.
pub fn testFile(arena: Allocator, json: []const u8, data: []const u8) ![]u8 {
    const file = try arena.alloc(u8, 8 + json.len + data.len);
    std.mem.writeInt(u64, file[0..8], json.len, .little);
    @memcpy(file[8..][0..json.len], json);
    @memcpy(file[8 + json.len ..], data);
    return file;
}

fn expectRefused(arena: Allocator, named: []const files.Named, message: []const u8) !void {
    var source = files.Source.fromMemory(arena, named);
    defer source.close();
    try testing.expectError(error.Model, open(arena, &source));
    try testing.expectEqualStrings(message, errors.message());
}

test "one file: tensors by name, metadata ignored, empty and scalar tensors allowed" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const bytes = try testFile(arena,
        \\{"__metadata__":{"format":"pt","}":"{\"["},
        \\ "a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},
        \\ "b":{"dtype":"F32","shape":[],"data_offsets":[12,16],"note":[1,{"x":null}]},
        \\ "\u00e9\n":{"dtype":"U8","shape":[0,7],"data_offsets":[16,16]}}
    ++ "  ", "0123456789abcdef");
    var source = files.Source.fromMemory(arena, &.{.{ .name = single_name, .bytes = bytes }});
    defer source.close();
    const checkpoint = try open(arena, &source);
    try testing.expectEqual(3, checkpoint.tensors.count());
    const a = checkpoint.find("a").?;
    try testing.expectEqualStrings("0123456789ab", a.bytes);
    try testing.expectEqualSlices(u64, &.{ 2, 3 }, a.shape());
    try testing.expectEqual(Dtype.bf16, a.dtype);
    try testing.expectEqualStrings("cdef", checkpoint.find("b").?.bytes);
    try testing.expectEqual(0, checkpoint.find("\u{e9}\n").?.bytes.len);
    try testing.expectEqual(null, checkpoint.find("__metadata__"));
}

test "a damaged header is refused with file and tensor named" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const t = "model.safetensors: tensor \"t\" ";
    const cases = [_][2][]const u8{
        .{ "", "model.safetensors: is not valid JSON at byte 0" },
        .{ "[]", "model.safetensors: should be an object" },
        .{ "{}", "model.safetensors: has no tensors" },
        .{ "{} {}", "model.safetensors: is not valid JSON at byte 3" },
        .{ "{\"t\":", "model.safetensors: tensor \"t\" is not valid JSON at byte 5" },
        .{ "{\"t\\", "model.safetensors: is not valid JSON at byte 4" },
        .{ "{\"t\":1}", t ++ "should be an object" },
        .{ "{\"t\":{}}", t ++ "has no dtype" },
        .{ "{\"t\":{\"dtype\":\"F32\"}}", t ++ "has no shape" },
        .{ "{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", t ++ "has no data_offsets" },
        .{ "{\"t\":{\"dtype\":5}}", t ++ "should have a dtype's name in quotes" },
        .{ "{\"t\":{\"shape\":[1],\"shape\":[1]}}", t ++ "shape is there twice" },
        .{ "{\"t\":{\"shape\":[-1]}}", t ++ "shape has \"-1\" in it" },
        .{ "{\"t\":{\"shape\":[1.0]}}", t ++ "shape has \"1.0\" in it" },
        .{
            "{\"t\":{\"shape\":[18446744073709551616]}}",
            t ++ "shape has \"18446744073709551616\" in it",
        },
        .{ "{\"t\":{\"shape\":[[1]]}}", t ++ "shape has an entry that is no number" },
        .{ "{\"t\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}", t ++ "shape has more than 8 entries" },
        .{ "{\"t\":{\"shape\":7}}", t ++ "shape is not a list" },
        .{ "{\"t\":{\"data_offsets\":[1]}}", t ++ "data_offsets are not two numbers" },
        .{ header("F31", "[1]", "[0,4]"), t ++ "unknown dtype \"F31\"" },
        .{ header("f32", "[1]", "[0,4]"), t ++ "unknown dtype \"f32\"" },
        .{ header("F32", "[1]", "[4,0]"), t ++ "begins at byte 4 of the data, after its end at 0" },
        .{
            header("F32", "[5]", "[0,20]"),
            t ++ "ends at byte 83, the file at 79 (truncated download?)",
        },
        .{ header("F32", "[3]", "[0,16]"), t ++ "has 16 bytes, [3] of F32 needs 12" },
        .{ header("F32", "[4294967296,4294967296]", "[0,0]"), t ++
            "shape [4294967296, 4294967296] is too large for any file" },
        .{ header("U8", "[1]", "[0,18446744073709551615]"), t ++
            "ends at byte 18446744073709551695, the file at 96 (truncated download?)" },
        .{
            "{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}," ++
                "\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
            t ++ "is there twice (also in model.safetensors)",
        },
        .{
            "{\"t\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}," ++
                "\"u\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
            "model.safetensors: tensors \"t\" and \"u\" overlap",
        },
    };
    for (cases) |case| {
        const bytes = try testFile(arena, case[0], "0123456789abcdef");
        try expectRefused(arena, &.{.{ .name = single_name, .bytes = bytes }}, case[1]);
    }
}

fn header(
    comptime dtype: []const u8,
    comptime shape: []const u8,
    comptime offsets: []const u8,
) []const u8 {
    return "{\"t\":{\"dtype\":\"" ++ dtype ++ "\",\"shape\":" ++ shape ++
        ",\"data_offsets\":" ++ offsets ++ "}}";
}

test "a file cut at any byte is refused" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const whole = try testFile(arena, comptime header("F32", "[4]", "[0,16]"), "0123456789abcdef");
    for (0..whole.len) |length| {
        var source = files.Source.fromMemory(
            arena,
            &.{.{ .name = single_name, .bytes = whole[0..length] }},
        );
        defer source.close();
        try testing.expectError(error.Model, open(arena, &source));
        try testing.expect(std.mem.startsWith(u8, errors.message(), "model.safetensors: "));
    }
    const huge = try arena.dupe(u8, whole);
    for ([_]u64{ header_bytes_max + 1, 1 << 63, std.math.maxInt(u64) }) |length| {
        std.mem.writeInt(u64, huge[0..8], length, .little);
        var source = files.Source.fromMemory(arena, &.{.{ .name = single_name, .bytes = huge }});
        defer source.close();
        try testing.expectError(error.Model, open(arena, &source));
    }
}

test "shards: only those named, each tensor where the index says" {
    var arena_state = std.heap.ArenaAllocator.init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const one = try testFile(
        arena,
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
        "A",
    );
    const two = try testFile(
        arena,
        "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
        "B",
    );
    const base = [_]files.Named{ .{
        .name = "1.safetensors",
        .bytes = one,
    }, .{ .name = "2.safetensors", .bytes = two } };
    {
        const index = "{\"metadata\":{\"total_size\":2},\"weight_map\":" ++
            "{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}";
        const broken: files.Named = .{ .name = "model-3.safetensors.part", .bytes = "rubbish" };
        var source = files.Source.fromMemory(
            arena,
            &(base ++ [_]files.Named{ broken, .{ .name = index_name, .bytes = index } }),
        );
        defer source.close();
        const checkpoint = try open(arena, &source);
        try testing.expectEqual(2, checkpoint.shards);
        try testing.expectEqualStrings("B", checkpoint.find("b").?.bytes);
    }
    const i = "model.safetensors.index.json: ";
    const cases = [_][2][]const u8{
        .{
            "{\"weight_map\":{\"a\":\"3.safetensors\"}}",
            "3.safetensors: missing, though " ++ index_name ++ " names it",
        },
        .{
            "{\"weight_map\":{\"a\":\"../1.safetensors\"}}",
            i ++ "tensor \"a\": \"../1.safetensors\" is not a plain file name",
        },
        .{
            "{\"weight_map\":{\"a\":\"..\"}}",
            i ++ "tensor \"a\": \"..\" is not a plain file name",
        },
        .{
            "{\"weight_map\":{\"c\":\"1.safetensors\"}}",
            i ++ "tensor \"c\" should be in \"1.safetensors\", which does not have it",
        },
        .{
            "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"1.safetensors\"," ++
                "\"c\":\"2.safetensors\"}}",
            i ++ "tensor \"b\" should be in \"1.safetensors\" but is in 2.safetensors",
        },
        .{
            "{\"weight_map\":{\"a\":\"1.safetensors\",\"a\":\"1.safetensors\"}}",
            i ++ "tensor \"a\" is there twice",
        },
        .{ "{\"weight_map\":{}}", i ++ "has no weight_map, or an empty one" },
        .{ "{\"weight_map\":{\"a\":1}}", i ++ "should have a file name in quotes" },
        .{ "{\"weight_map\":[]}", i ++ "should be an object as weight_map" },
        .{ "nonsense", i ++ "is not valid JSON at byte 1" },
    };
    for (cases) |case| {
        try expectRefused(
            arena,
            &(base ++ .{files.Named{ .name = index_name, .bytes = case[0] }}),
            case[1],
        );
    }
    try expectRefused(
        arena,
        &base,
        "the model in memory: has neither " ++ single_name ++ " nor " ++ index_name,
    );
}
