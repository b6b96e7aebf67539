//! Keys and values of the positions a decoder has taken in.
//!
//! The cache is a list of pages of 64 positions. A page holds all layers together: for every layer and KV head
//! the keys, [head_dim][64], then the values, [64][head_dim]. It grows a page at a time and is never copied.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const config_ = @import("../checkpoint/config.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const assert = std.debug.assert;
const page_keys = kernels.page_keys;

pub const KvCache = struct {
    allocator: std.mem.Allocator,
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
    kind: kernels.Kv,
    pages: std.ArrayList([*]align(64) u8) = .empty,
    /// Positions that are complete in all layers.
    positions: u32 = 0,

    pub fn init(allocator: std.mem.Allocator, text: config_.Text, kind: kernels.Kv) KvCache {
        assert(text.layers > 0 and text.kv_heads > 0 and text.head_dim > 0);
        return .{
            .allocator = allocator,
            .layers = text.layers,
            .kv_heads = text.kv_heads,
            .head_dim = text.head_dim,
            .kind = kind,
        };
    }

    /// Forgets all positions and frees the pages. The cache may be used again.
    pub fn release(self: *KvCache) void {
        for (self.pages.items) |page| buffers.free(self.allocator, page[0..self.pageBytes()]);
        self.pages.clearAndFree(self.allocator);
        self.positions = 0;
    }

    /// Bytes of a position, in all layers.
    pub fn positionBytes(self: *const KvCache) usize {
        return self.layers * self.kv_heads * 2 * self.head_dim * self.kind.size();
    }

    fn pageBytes(self: *const KvCache) usize {
        return self.positionBytes() * page_keys;
    }

    /// Makes room for this many positions in all. After a failure the cache holds what it held.
    pub fn reserve(self: *KvCache, positions: usize) errors.Error!void {
        assert(positions >= self.positions);
        while (self.pages.items.len * page_keys < positions) {
            const page = buffers.alloc(u8, self.allocator, self.pageBytes()) catch
                return errors.outOfMemory("the KV cache");
            self.pages.append(self.allocator, page.ptr) catch {
                buffers.free(self.allocator, page);
                return errors.outOfMemory("the KV cache");
            };
        }
        assert(self.pages.items.len * page_keys >= positions);
    }

    /// Elements from the start of a page to the keys of one head of one layer; the values are behind them.
    pub fn keyOffset(self: *const KvCache, layer: usize, head: usize) usize {
        assert(layer < self.layers and head < self.kv_heads);
        return (layer * self.kv_heads + head) * 2 * self.head_dim * page_keys;
    }

    /// Stores one head's key and value, f32[head_dim] each. With 16-bit pages `k` is overwritten.
    pub fn store(
        self: *const KvCache,
        table: *const kernels.Table,
        layer: usize,
        head: usize,
        position: usize,
        k: [*]f32,
        v: [*]const f32,
    ) void {
        assert(position < self.pages.items.len * page_keys);
        const size = self.head_dim;
        const slot = position % page_keys;
        const pair = self.pages.items[position / page_keys] + self.keyOffset(layer, head) * self.kind.size();
        switch (self.kind) {
            .f32 => {
                const keys: [*]f32 = @ptrCast(@alignCast(pair));
                for (0..size) |i| keys[i * page_keys + slot] = k[i];
                @memcpy((keys + (page_keys + slot) * size)[0..size], v);
            },
            .f16 => {
                const keys: [*]f16 = @ptrCast(@alignCast(pair));
                const narrow: [*]f16 = @ptrCast(k); // In place: each is read before it is overwritten.
                table.narrow(k, narrow, size);
                for (0..size) |i| keys[i * page_keys + slot] = narrow[i];
                table.narrow(v, keys + (page_keys + slot) * size, size);
            },
        }
    }
};

test "a cache grows by pages, and releasing it gives all of them back" {
    const testing = std.testing;
    var text = std.mem.zeroes(config_.Text);
    text.layers = 2;
    text.kv_heads = 1;
    text.head_dim = 8;
    var cache: KvCache = .init(testing.allocator, text, .f32);
    defer cache.release();
    try testing.expectEqual(2 * 2 * 8 * 4, cache.positionBytes());
    try cache.reserve(page_keys + 1);
    cache.positions = page_keys + 1;
    try testing.expectEqual(2, cache.pages.items.len);
    try cache.reserve(2 * page_keys);
    try testing.expectEqual(2, cache.pages.items.len);
    cache.release(); // The allocator of the test would report pages that stay.
    try testing.expectEqual(0, cache.pages.items.len);
    try testing.expectEqual(0, cache.positions);
}
