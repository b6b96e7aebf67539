//! A bank of long filters at every tenth sample, by the discrete Fourier transform (overlap-save): the magnitudes of
//! what they give, the greatest of three each.
//!
//!     two blocks of 1280 samples that overlap -> real and imaginary part of one signal
//!       -> its spectrum Z, as transforms of 128 points of its ten phases, then of ten points across them
//!       -> for each filter: Z times the filter's spectrum, bins 128 apart added: every tenth sample of the product
//!       -> transform of 128 points back; real and imaginary part are the two blocks' again
//!
//! A filter is even or odd around its middle, so its spectrum is real, or imaginary and taken for real: that turns
//! every value by a quarter, which swaps the parts, and a sign, which magnitudes do not have. Bins k and -k share a
//! spectrum's value, but for an odd filter's sign. Of a transform by sums of products this takes a quarter of the
//! arithmetic, and its errors are those of f32 next to the loudest of 80 ms.
//!
//! Eight pairs of blocks are transformed side by side, then eight even and eight odd filters of a pair. No sum is
//! across lanes, and all instruction sets compute in vectors of eight.

const kernels = @import("kernels.zig");
const vec = @import("vec.zig");

const points = kernels.bank_points;
const phases = kernels.bank_stride;
const length = kernels.bank_samples;
const group = kernels.bank_group;
const block_rows = kernels.bank_rows;
const pooled = kernels.pooled_rows;
/// Bins of their own: k and -k are computed together.
const halves = kernels.bank_bins;

const V = vec.Vec(group);
/// Real and imaginary parts.
const Complex = [2]V;
const Points = [points]Complex;
/// cos and sin of angles, in parts of the length of a block.
const Turns = *const [length][2]f32;

/// A position of a block's first row: filters reach 125 samples back.
const lead = (kernels.bank_reach + phases - 1) / phases;
/// Samples of a block before those of its first row.
const before = lead * phases - kernels.bank_reach;
/// From one block to the next.
const step = block_rows * pooled * phases;

comptime {
    const last = (lead + block_rows * pooled - 1) * phases + kernels.bank_reach;
    if (last >= length) @compileError("a block's filters reach beyond it");
}

/// Samples of all blocks of a job.
const span = (kernels.bank_blocks - 1) * step + length;
/// What a bin's products are of, by pairs of blocks: Z of k and of -k for every k that ends in it.
const Bins = [halves][phases][4]f32;
const pairs = kernels.bank_blocks / 2;
/// Of eight even and eight odd filters, by the same bins.
const Spectra = [halves][phases][2]V;

/// A thread's own.
pub const Space = struct {
    parts: union { samples: [span]f32, bins: [pairs]Bins } align(64),
    phases: [phases]Points align(64),
    filters: [2]Points align(64),
};

comptime {
    if (@sizeOf(Space) > kernels.bank_space) @compileError("a job needs more room");
}

pub fn run(job: *const kernels.FilterBank) callconv(.c) void {
    const space: *Space = @ptrCast(@alignCast(job.space));
    const turns: Turns = @ptrCast(job.turns);
    scale(job, &space.parts.samples);
    takeApart(&space.parts.samples, &space.phases);
    for (&space.phases) |*phase| transform(phase, turns);
    for (0..points) |m| acrossPhases(m, &space.phases, turns);
    sortBins(&space.phases, job.shift * length, &space.parts.bins);
    const groups = job.filters / (2 * group);
    const spectra: [*]const Spectra = @ptrCast(job.spectra);
    for (0..(job.blocks + 1) / 2) |pair| {
        for (0..groups) |g| {
            multiply(&space.parts.bins[pair], &spectra[g], &space.filters);
            inline for (&space.filters, 0..) |*one, is_odd| {
                transform(one, turns);
                const column = is_odd * groups * group + g * group;
                pool(one, job, 2 * pair, is_odd, column);
                pool(one, job, 2 * pair + 1, 1 - is_odd, column);
            }
        }
    }
}

/// Samples from the first block's first on, zeros where there are none.
fn scale(job: *const kernels.FilterBank, to: *[span]f32) void {
    const first = job.block * step;
    const skipped = if (first < before) before - first else 0;
    const from = first + skipped - before;
    const some = @min(span - skipped, job.count - from);
    @memset(to[0..skipped], 0);
    const by = job.scale; // The compiler would read it again for every sample.
    for (to[skipped..][0..some], job.samples[from..]) |*value, sample| value.* = sample * by;
    @memset(to[skipped + some ..], 0);
}

/// Sample 10 n + j of every block to point n of phase j. Real and imaginary parts are swapped: what transforms back
/// transforms so.
fn takeApart(samples: *const [span]f32, to: *[phases]Points) void {
    var i: usize = 0;
    while (i < length) : (i += group) inline for (0..2) |part| {
        var rows: [group]V = undefined;
        inline for (&rows, 0..) |*row, l| row.* = vec.load(group, samples[(2 * l + part) * step + i ..].ptr);
        for (transposed(rows), i..) |column, at| to[at % phases][at / phases][1 - part] = column;
    };
}

/// Rows as columns.
inline fn transposed(rows: [group]V) [group]V {
    var block = rows;
    inline for (0..3) |_| {
        var turned: [group]V = undefined;
        inline for (0..group / 2) |i| inline for (0..2) |half| {
            const order = comptime interleaved(half);
            turned[2 * i + half] = @shuffle(f32, block[i], block[i + group / 2], order);
        };
        block = turned;
    }
    return block;
}

/// Element by element of the first or second halves of two vectors; those of the second are negative.
fn interleaved(half: usize) [group]i32 {
    var order: [group]i32 = undefined;
    for (&order, 0..) |*from, i| {
        const element: i32 = @intCast((half * group + i) / 2);
        from.* = if (i % 2 == 0) element else ~element;
    }
    return order;
}

/// x[placeOf(p)] = sum over m of x[m] e^(2 pi i m p / points)
fn transform(x: *Points, turns: Turns) void {
    inline for (.{ 128, 32, 8 }) |size| quarters(size, x, turns);
    var i: usize = 0;
    while (i < points) : (i += 2) inline for (0..2) |part| {
        const a, const b = .{ x[i][part], x[i + 1][part] };
        x[i][part] = a + b;
        x[i + 1][part] = a - b;
    };
}

/// Every transform of `size` points becomes four of a quarter: of the results whose number leaves 0, 1, 2 or 3.
inline fn quarters(comptime size: usize, x: *Points, turns: Turns) void {
    const quarter = size / 4;
    for (0..quarter) |i| {
        var angles: [3][2]V = undefined;
        inline for (&angles, 1..) |*angle, r| {
            const turn = turns[length / size * i * r];
            angle.* = .{ @splat(turn[0]), @splat(turn[1]) };
        }
        var at = i;
        while (at < points) : (at += size) {
            const a, const b, const c, const d = .{ x[at], x[at + quarter], x[at + 2 * quarter], x[at + 3 * quarter] };
            const even = .{ plus(a, c), minus(a, c) };
            const odd = .{ plus(b, d), minus(b, d) };
            x[at] = plus(even[0], odd[0]);
            x[at + quarter] = times(.{ even[1][0] - odd[1][1], even[1][1] + odd[1][0] }, angles[0]);
            x[at + 2 * quarter] = times(minus(even[0], odd[0]), angles[1]);
            x[at + 3 * quarter] = times(.{ even[1][0] + odd[1][1], even[1][1] - odd[1][0] }, angles[2]);
        }
    }
}

/// Where `transform` leaves a result.
fn placeOf(p: usize) usize {
    return p % 4 * 32 + p / 4 % 4 * 8 + p / 16 % 4 * 2 + p / 64;
}

const places: [points]u8 = table: {
    var all: [points]u8 = undefined;
    for (&all, 0..) |*place, p| place.* = placeOf(p);
    break :table all;
};

inline fn plus(a: Complex, b: Complex) Complex {
    return .{ a[0] + b[0], a[1] + b[1] };
}

inline fn minus(a: Complex, b: Complex) Complex {
    return .{ a[0] - b[0], a[1] - b[1] };
}

inline fn times(a: Complex, b: Complex) Complex {
    return .{
        vec.mulAdd(group, a[0], b[0], -(a[1] * b[1])),
        vec.mulAdd(group, a[0], b[1], a[1] * b[0]),
    };
}

/// From bin m of every phase, to bins m + 128 t of the whole, in place of phase t: a transform of ten points.
inline fn acrossPhases(m: usize, x: *[phases]Points, turns: Turns) void {
    const place = places[m];
    var sums: [2][5]Complex = undefined;
    inline for (0..5) |j| {
        const a = swappedTimes(x[j][place], turns[j * m]);
        const b = swappedTimes(x[j + 5][place], turns[(j + 5) * m]);
        sums[0][j] = plus(a, b);
        const odd: Complex = minus(a, b);
        const turn = turns[length / 10 * j];
        sums[1][j] = if (j == 0) odd else times(odd, .{ @splat(turn[0]), @splat(-turn[1]) });
    }
    inline for (&sums, 0..) |*half, is_odd| {
        const five = fivePoints(half, turns);
        inline for (five, 0..) |one, t| x[2 * t + is_odd][place] = one;
    }
}

/// Of swapped parts, turned back by an angle.
inline fn swappedTimes(x: Complex, turn: [2]f32) Complex {
    return times(.{ x[1], x[0] }, .{ @splat(turn[0]), @splat(-turn[1]) });
}

/// y[t] = sum over j of x[j] e^(-2 pi i j t / 5)
inline fn fivePoints(x: *const [5]Complex, turns: Turns) [5]Complex {
    const near, const far = .{ plus(x[1], x[4]), plus(x[2], x[3]) };
    const near_off, const far_off = .{ minus(x[1], x[4]), minus(x[2], x[3]) };
    var y: [5]Complex = undefined;
    y[0] = plus(x[0], plus(near, far));
    inline for (1..3) |t| {
        const turn, const second = .{ turns[length / 5 * t], turns[length / 5 * (2 * t % 5)] };
        var even: Complex = undefined;
        var odd: Complex = undefined;
        inline for (0..2) |part| {
            even[part] = vec.mulAdd(group, near[part], @splat(turn[0]), x[0][part]);
            even[part] = vec.mulAdd(group, far[part], @splat(second[0]), even[part]);
            odd[part] = vec.mulAdd(group, near_off[part], @splat(turn[1]), far_off[part] * @as(V, @splat(second[1])));
        }
        y[t] = .{ even[0] + odd[1], even[1] - odd[0] };
        y[5 - t] = .{ even[0] - odd[1], even[1] + odd[0] };
    }
    return y;
}

/// A pair's bins next to each other, in the order of the products. The shift of all samples is added here, and so adds
/// the same to every result: through silence they stay the same to the bit.
fn sortBins(from: *const [phases]Points, constant: f32, to: *[pairs]Bins) void {
    for (0..halves) |m| for (0..phases) |t| {
        const opposite = (length - m - t * points) % length;
        const one = from[t][places[m]];
        const other = from[opposite / points][places[opposite % points]];
        const parts = [4][group]f32{ one[0], one[1], other[0], other[1] };
        inline for (0..pairs) |pair| {
            to[pair][m][t] = .{ parts[0][pair], parts[1][pair], parts[2][pair], parts[3][pair] };
        }
    };
    for (to) |*bins| for (&bins[0][0]) |*part| {
        part.* += constant;
    };
}

/// A pair's spectrum times those of eight even and eight odd filters; bins 128 apart are added.
fn multiply(bins: *const Bins, spectra: *const Spectra, to: *[2]Points) void {
    for (bins, spectra, 0..) |*all, *filters, m| {
        var sums: [2][4]V = @splat(@splat(@splat(0)));
        for (all, filters) |bin, filter| inline for (bin, 0..) |value, i| {
            const same: V = @splat(value);
            inline for (&sums, filter) |*sum, one| sum[i] = vec.mulAdd(group, same, one, sum[i]);
        };
        const opposite = (points - m) % points;
        to[0][opposite] = .{ sums[0][2], sums[0][3] };
        to[1][opposite] = .{ -sums[1][2], -sums[1][3] };
        inline for (to, sums) |*one, sum| one[m] = .{ sum[0], sum[1] };
    }
}

/// The greatest magnitudes of a block's positions, which are one part of the points.
fn pool(from: *const Points, job: *const kernels.FilterBank, index: usize, part: usize, column: usize) void {
    if (index >= job.blocks) return;
    const first = (job.block + index) * block_rows;
    for (0..@min(block_rows, job.rows - first)) |row| {
        var most: V = @splat(0);
        inline for (0..pooled) |i| most = @max(most, @abs(from[places[lead + row * pooled + i]][part]));
        vec.store(group, job.out + (first + row) * job.out_stride + column, most);
    }
}
