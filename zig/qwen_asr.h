/* qwen_asr.h - speech to text with Qwen3-ASR checkpoints, on the CPU. C ABI, version 2.
 *
 * In short (samples/c/transcribe.c is a whole program):
 *
 *     qasr_model *model;
 *     qasr_model_open("Qwen3-ASR-0.6B", 0, QASR_WEIGHTS_BF16, NULL, NULL, &model);
 *     qasr_transcribe_file(model, "talk.wav", NULL, 0, NULL, 0, NULL, NULL, text, text_capacity, &text_bytes);
 *
 * The same step by step (samples/c/stream.c does it for live recordings):
 *
 *     qasr_encoder *encoder;  qasr_session *session;
 *     qasr_encoder_open(model, &encoder);
 *     qasr_session_open(model, &session);
 *     qasr_encode(encoder, samples, samples_count, 0, rows, rows_capacity, &rows_count);
 *     qasr_prompt(model, rows_count, NULL, 0, "English", 7, ids, ids_capacity, &ids_count);
 *     qasr_session_extend(session, ids, ids_count, rows, rows_count);
 *     while (qasr_session_next(session, &id, NULL) == QASR_OK && !qasr_token_is_end(model, id)) {
 *         qasr_token_bytes(model, id, piece, sizeof piece, &piece_bytes);     // UTF-8, maybe cut in a character
 *         qasr_session_extend(session, &id, 1, NULL, 0);
 *     }
 *
 * Rules that hold for every function:
 *  - Returns QASR_OK (0) or a negative qasr_status. qasr_error_message() then has one sentence, for the calling thread.
 *  - Pointers passed in are borrowed for the call only. Results go through the last pointers. Text is UTF-8 with a byte
 *    count, no terminator needed. NULL with count 0 is an empty array.
 *  - Where a result does not fit its capacity: QASR_TOO_SMALL, nothing written but the count that is needed.
 *  - A model does not change after open and may be shared by threads. A session, an encoder, a listener, a voice
 *    detector or a set of speaker networks belongs to one thread at a time (a second one gets QASR_BUSY); only the
 *    functions that cancel may be called from any thread.
 *  - The process has one set of computing threads, however many models are open: calls from several threads take turns
 *    on it, in the order they ask. It grows to the largest `threads` that a model was opened with; a model uses at most
 *    its own number. The last qasr_model_close() ends it.
 *  - Long work can be done in slices: begin, then run with a budget of milliseconds until it is done, then ask for the
 *    result. A run overshoots its budget by at most one unit of work (with int8 weights and two AVX2 threads under
 *    100 ms). Nothing depends on the slices: results are to the bit those of the function that does all in one call.
 *  - The library prints nothing, never exits, installs no signal handler. */
#ifndef QWEN_ASR_H
#define QWEN_ASR_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define QASR_ABI_VERSION 3
#define QASR_SAMPLE_RATE 16000

typedef enum qasr_status {
  QASR_OK = 0,
  QASR_INVALID = -1,   /* an argument is wrong: null, out of range, closed */
  QASR_MODEL = -2,     /* the checkpoint is missing something, damaged, or not one of ours */
  QASR_MEMORY = -3,    /* allocation failed, or the system refused */
  QASR_TOO_SMALL = -4, /* the result does not fit; the count says what is needed */
  QASR_TOO_LONG = -5,  /* more positions than the model has */
  QASR_BUSY = -6,      /* another thread is inside, or something is under way, or handles of the model are open */
  QASR_CANCELLED = -7  /* qasr_session_cancel() or qasr_encoder_cancel() was called */
} qasr_status;

/* How weights are used. */
typedef enum qasr_weights {
  QASR_WEIGHTS_BF16 = 0, /* as the file has them, f32 arithmetic: exact */
  QASR_WEIGHTS_INT8 = 1, /* blocks of 32 at 8 bits, packed when the model is opened */
  QASR_WEIGHTS_INT4 = 2  /* the same, but most of the decoder's layers at 4 bits: smaller, faster, less exact */
} qasr_weights;

typedef struct qasr_model qasr_model;
typedef struct qasr_session qasr_session;
typedef struct qasr_encoder qasr_encoder;

uint32_t qasr_abi_version(void);

/* The last failure of the calling thread, in one sentence. Writes at most `capacity` bytes, returns its full length. */
uint32_t qasr_error_message(char *buffer, uint32_t capacity);

/* ------------------------------------------------------------------------------------------------------- model */

/* Opens an official folder (config.json, safetensors, tokenizer files). `threads` 0: one per physical core (of the fast
 * kind where cores differ), at most what
 * the container allows. Packed weights are made once and kept in `cache_folder`; null: made in memory at every open.
 * `progress_permille`, if not null, gets how far the packing is, 0 to 1000, for another thread to read meanwhile; where
 * nothing is packed it keeps its value. */
int32_t qasr_model_open(const char *folder, uint32_t threads, uint32_t weights, const char *cache_folder,
                        uint32_t *progress_permille, qasr_model **model);

/* The same from memory: names[i] ("config.json", ...), the bytes at data[i], sizes[i]. The bytes are borrowed until
 * qasr_model_close(). */
int32_t qasr_model_open_memory(const char *const *names, const uint8_t *const *data, const uint64_t *sizes,
                               uint32_t files, uint32_t threads, uint32_t weights, uint32_t *progress_permille,
                               qasr_model **model);

/* QASR_BUSY, and nothing is closed, while sessions, encoders or listeners of the model are open. Null is fine. */
int32_t qasr_model_close(qasr_model *model);

/* What was opened, as one JSON object: kind ("asr"|"aligner"), name, isa, blas, threads, dimensions, token ids, languages,
 * and what memory is needed for, in bytes: session_bytes (a session at most, without what follows), position_bytes (a
 * session's per position, in pages of 64), row_bytes (a session's per row of its longest prefill, the rows rounded up to a
 * power of two and at most block_rows), encoder_bytes (an encoder that was used, without its clip). step_max is
 * QASR_STEP_MAX. */
int32_t qasr_model_info(const qasr_model *model, char *json, uint32_t capacity, uint32_t *bytes);

/* Floats in one encoder row: the decoder's width. 0 for null. */
uint32_t qasr_model_row_floats(const qasr_model *model);

/* Lets the encoder's weights, where they are mapped from a file, leave this process's memory until they are used again:
 * for whoever has encoded all there is and decodes now. Getting them back takes some ms. */
void qasr_model_release_encoder(const qasr_model *model); /* null is fine */

/* ------------------------------------------------------------------------------------------------ packed cache */

/* What the header of a file of packed weights says, as one JSON object: version (of the format), layout (precision and
 * arrangement), model (the folder it was packed from), key (which names the file), bytes, items. QASR_INVALID where the
 * file cannot be opened, QASR_MODEL where it is none, one of another format, or damaged. */
int32_t qasr_cache_info(const char *path, char *json, uint32_t capacity, uint32_t *bytes);

/* Reads all of the file against its checksums: as fast as the disk allows. Fails as qasr_cache_info does; the sentence
 * names what is damaged. */
int32_t qasr_cache_verify(const char *path);

/* --------------------------------------------------------------------------------------------------- tokenizer */

/* Text (NFC, the caller sees to that) to ids. Special tokens in the text are plain text unless with_special is 1. */
int32_t qasr_tokenize(const qasr_model *model, const char *text, uint32_t text_bytes, uint32_t with_special,
                      uint32_t *ids, uint32_t capacity, uint32_t *count);

/* The bytes a token stands for. Special tokens (and ids without a token) have none: 0 bytes. */
int32_t qasr_token_bytes(const qasr_model *model, uint32_t id, uint8_t *bytes, uint32_t capacity, uint32_t *count);

/* The id of an added token by its text ("<asr_text>"), or QASR_INVALID. */
int32_t qasr_token_id(const qasr_model *model, const char *text, uint32_t text_bytes, uint32_t *id);
uint32_t qasr_token_is_end(const qasr_model *model, uint32_t id); /* 1 for <|im_end|> and <|endoftext|> */

/* The official prompt: system turn with `context`, user turn with rows_count audio places, the assistant's start, and
 * with `language` ("English") the forced "language English<asr_text>". */
int32_t qasr_prompt(const qasr_model *model, uint32_t rows_count, const char *context, uint32_t context_bytes,
                    const char *language, uint32_t language_bytes, uint32_t *ids, uint32_t capacity, uint32_t *count);

/* ---------------------------------------------------------------------------------------------------- encoder */

/* Makes encoder rows, one clip at a time. Its buffers (encoder_bytes) are made at its first use and kept: whoever encodes
 * beside a clip that rests between two slices needs an encoder of its own. */
int32_t qasr_encoder_open(qasr_model *model, qasr_encoder **encoder);
void qasr_encoder_close(qasr_encoder *encoder); /* null is fine */

/* Ends what the encoder does, with QASR_CANCELLED. Whatever it does next (qasr_encode_run apart) ends the cancellation. */
void qasr_encoder_cancel(qasr_encoder *encoder);

/* Log-mel features of 16 kHz mono samples in [-1, 1]: f32[mel_bins][frames], frames = samples_count / 160.
 * Fewer than 8000 samples are zero-padded to 8000 (0.5 s). `frames` is set even when `capacity` (in floats) is too small. */
int32_t qasr_mel(qasr_encoder *encoder, const float *samples, uint32_t samples_count, float *mel, uint32_t capacity,
                 uint32_t *frames);

/* Samples to encoder rows, f32[rows][hidden] in the decoder's width; about 13 rows a second. `window_frames` is the
 * attention window in mel frames (100 to 800 in steps of 100, 0 = the checkpoint's own, 800). `capacity` in rows.
 * A NULL `rows` with capacity 0 only asks for the count. QASR_BUSY while a clip is under way. */
int32_t qasr_encode(qasr_encoder *encoder, const float *samples, uint32_t samples_count, uint32_t window_frames,
                    float *rows, uint32_t capacity, uint32_t *rows_count);

/* The same in slices. Samples are copied, and `rows_count` is known at once; a clip under way is given up. */
int32_t qasr_encode_begin(qasr_encoder *encoder, const float *samples, uint32_t samples_count, uint32_t window_frames,
                          uint32_t *rows_count);

/* Works for about budget_ms, with 0 for one unit; is_done gets 1 when the clip is done. After a failure it is gone. */
int32_t qasr_encode_run(qasr_encoder *encoder, uint32_t budget_ms, uint32_t *is_done);

/* The rows of a clip that is done, until the next one begins. */
int32_t qasr_encode_rows(qasr_encoder *encoder, float *rows, uint32_t capacity, uint32_t *rows_count);

/* --------------------------------------------------------------------------------------------------- sessions */

int32_t qasr_session_open(qasr_model *model, qasr_session **session);
void qasr_session_close(qasr_session *session); /* null is fine */

/* Ends what the session does, with QASR_CANCELLED, and so everything until it is truncated to 0 or released. */
void qasr_session_cancel(qasr_session *session);

/* Appends ids to the session. Every <|audio_pad|> among them takes the next of `rows`, f32[rows_count][hidden]; the
 * numbers must match. After a failure the session has the positions it had. */
int32_t qasr_session_extend(qasr_session *session, const uint32_t *ids, uint32_t count, const float *rows,
                            uint32_t rows_count);

/* Forgets everything after the first `positions`, and gives up what is under way. To 0 it also ends a cancellation. */
int32_t qasr_session_truncate(qasr_session *session, uint32_t positions);

/* The positions held; while a prefill is under way, those before it. 0 for null. */
uint32_t qasr_session_positions(const qasr_session *session);

/* Truncates to 0, and gives the memory of positions and rows back. The session stays open and can be used again. */
int32_t qasr_session_release(qasr_session *session);

/* Appends ids[i] to sessions[i] for i < count, at most QASR_STEP_MAX different sessions of one model; the weights are
 * read once for all of them. Each session is then as after qasr_session_extend(session, &ids[i], 1, NULL, 0), to the
 * bit. On failure none has changed, and `culprit`, if not null, gets the index of the session that is at fault (cancelled,
 * full, busy, with a wrong id, ...), or QASR_EVERYTHING where none of them is. */
#define QASR_STEP_MAX 8
#define QASR_EVERYTHING 0xffffffffu
int32_t qasr_sessions_step(qasr_session *const *sessions, const uint32_t *ids, uint32_t count, uint32_t *culprit);

/* The greedy next token after the last extend, and (if not null) the natural logarithm of its probability. Does not
 * append it. QASR_INVALID where nothing was extended since the last truncate. */
int32_t qasr_session_next(qasr_session *session, uint32_t *id, float *logprob);

/* The k best next tokens, best first: ids[k], logits[k]. */
int32_t qasr_session_top(qasr_session *session, uint32_t k, uint32_t *ids, float *logits);

/* ---------------------------------------------------------------------------------------------------- prefill */

/* Forgets all positions after the first `keep`, then appends ids as qasr_session_extend does, in as few passes as give
 * exact results. The last draft_count ids are a guess: as many of them are kept as greedy decoding would have said, that
 * is `accepted`, with the logarithm of each one's probability in logprobs[draft_count]. The session is then as after
 * appending what is kept one by one, to the bit, and qasr_session_next() tells the token after that. The draft has no
 * audio; where it is all of `ids`, something must have been appended since the last truncate and `keep` be all positions.
 * After a failure the session has at most the positions it had, and `keep` of them at least. QASR_BUSY while something is
 * under way. */
int32_t qasr_session_verify(qasr_session *session, uint32_t keep, const uint32_t *ids, uint32_t count, const float *rows,
                            uint32_t rows_count, uint32_t draft_count, float *logprobs, uint32_t *accepted);

/* The same in slices. Ids and rows are copied. Until it is done, of the session's functions only run, cancel, truncate,
 * positions, release and close may be called; others get QASR_BUSY. */
int32_t qasr_session_begin(qasr_session *session, uint32_t keep, const uint32_t *ids, uint32_t count, const float *rows,
                           uint32_t rows_count, uint32_t draft_count);

/* Works for about budget_ms, with 0 for one unit; is_done gets 1 when what was begun (here, or by
 * qasr_session_classify_begin) is done. After a failure nothing is under way, and the session has the positions from
 * before it. */
int32_t qasr_session_run(qasr_session *session, uint32_t budget_ms, uint32_t *is_done);

/* The result of a prefill that is done, until the session is changed again; `capacity` in log-probabilities. */
int32_t qasr_session_verified(qasr_session *session, float *logprobs, uint32_t capacity, uint32_t *accepted);

/* -------------------------------------------------------------------------------------------------- listening */

/* A recording heard piece by piece. It keeps what is computed of it: after more samples, encoding all costs little more
 * than encoding those. Belongs to one thread at a time. */
typedef struct qasr_listener qasr_listener;

/* `window_frames` as for qasr_encode. With `keeps` 0 everything is computed anew at every encode: the same rows to the
 * bit, for comparison. */
int32_t qasr_listener_open(qasr_model *model, uint32_t window_frames, uint32_t keeps, qasr_listener **listener);
void qasr_listener_close(qasr_listener *listener); /* null is fine */

/* More samples at the end, 16 kHz mono; copied. */
int32_t qasr_listener_append(qasr_listener *listener, const float *samples, uint32_t samples_count);

/* Forgets the first `windows` attention windows of what is held, all of whose samples must be there. The features keep
 * the floor that the loudest sound since the start has set, forgotten or not, and the first ones still see the samples
 * before them: what is kept stays as it is. QASR_EVERYTHING: the next sample starts a new recording. */
int32_t qasr_listener_forget(qasr_listener *listener, uint32_t windows);

/* Rows of what is held; 0 for null. Less than half a second counts as half a second, the rest being silence. */
uint32_t qasr_listener_rows(const qasr_listener *listener);

/* Encoder rows of all that is held, f32[rows][hidden], with the buffers of `encoder`, which may be any of the model's with
 * no clip under way (QASR_BUSY), and may be cancelled. While nothing was forgotten they are those of qasr_encode for the
 * same samples (to the bit with packed weights; with bf16 the matrix products have other shapes, and their sums are
 * rounded otherwise).
 * If not null, `kept` gets how many were there from before, and `unchanged` how many at the start are those of the last
 * encode in the same places: what a session holds of these, it may keep. After a failure encode may be called again. */
int32_t qasr_listener_encode(qasr_listener *listener, qasr_encoder *encoder, float *rows, uint32_t capacity,
                             uint32_t *rows_count, uint32_t *kept, uint32_t *unchanged);

/* Does the work of the next qasr_listener_encode in slices, for about budget_ms, with 0 for one unit; once is_done is 1,
 * that has only to copy. Where audio was appended or forgotten meanwhile, or the encoder was used otherwise, the work
 * begins anew. */
int32_t qasr_listener_run(qasr_listener *listener, qasr_encoder *encoder, uint32_t budget_ms, uint32_t *is_done);

/* ---------------------------------------------------------------------------------------------- voice activity */

/* How likely it is that somebody speaks, for every QASR_VAD_FRAME samples of a recording (Silero VAD v6.2, which the
 * library carries; no model is needed). About 1 MB each, and one thread: the caller's. */
typedef struct qasr_vad qasr_vad;
#define QASR_VAD_FRAME 512

/* `weights`: null, or others of the same model: the bytes of a safetensors file with the names and shapes of
 * zig/network/silero_vad.safetensors, in f32. They are copied. QASR_MODEL where one is missing or another. */
int32_t qasr_vad_open(const uint8_t *weights, uint32_t weights_bytes, qasr_vad **vad);
void qasr_vad_close(qasr_vad *vad); /* null is fine */

/* More samples of the recording, 16 kHz mono, -1 to 1. `probabilities` gets one for each frame that they complete, in
 * order: the same bits in whatever pieces the samples come. With `is_last` other than 0 the rest is a frame too, filled up
 * with zeros, and the next samples are those of another recording. On QASR_TOO_SMALL the samples were not taken. */
int32_t qasr_vad_run(qasr_vad *vad, const float *samples, uint32_t samples_count, uint32_t is_last,
                     float *probabilities, uint32_t capacity, uint32_t *count);

/* Whether somebody speaks in these samples, 1 or 0: by the detector, and by how the spectrum changes. In doubt, 1. What has
 * no voice gets no text from the functions below: a model invents some for silence and noise. The samples are a recording
 * of their own: the detector forgets what it had before. */
int32_t qasr_vad_has_voice(qasr_vad *vad, const float *samples, uint32_t samples_count, uint32_t *has_voice);

/* --------------------------------------------------------------------------------------------------- speakers */

/* Who speaks: two networks, and no model is needed. One says who of up to three speakers talks when within ten seconds
 * (pyannote segmentation-3.0), the other what a voice is like (CAM++ of 3D-Speaker). What belongs together over a whole
 * recording is the caller's to find. About 40 MB, and 36 MB more from the first segmentation on. */
typedef struct qasr_speakers qasr_speakers;
#define QASR_SPEAKERS_WINDOW 160000 /* samples of a window, 10 s */
#define QASR_SPEAKERS_FRAMES 589    /* frames of a window, each 270 samples after the one before */
#define QASR_SPEAKERS_CLASSES 7     /* nobody, speaker 1, 2, 3, 1 and 2, 1 and 3, 2 and 3 */
#define QASR_SPEAKERS_VOICE 192     /* floats of a voice */

/* `weights`: the bytes of the safetensors file that scripts/speaker_weights.py writes; nothing of them is kept.
 * QASR_MODEL where a tensor is missing or another. `threads` as for a model: the same computing threads. */
int32_t qasr_speakers_open(const uint8_t *weights, uint32_t weights_bytes, uint32_t threads, qasr_speakers **speakers);
void qasr_speakers_close(qasr_speakers *speakers); /* null is fine */

/* 16 kHz mono samples, whole windows one after the other (the last one filled up with zeros), to natural logarithms of
 * probabilities, f32[windows][QASR_SPEAKERS_FRAMES][QASR_SPEAKERS_CLASSES]; `capacity` and `count` in floats. A speaker
 * has its number within one window only. A window's result is the same to the bit whatever goes with it. */
int32_t qasr_speakers_segment(qasr_speakers *speakers, const float *samples, uint32_t samples_count, float *logprobs,
                              uint32_t capacity, uint32_t *count);

/* What `voices` voices in these samples are like, f32[voices][QASR_SPEAKERS_VOICE], not normalised: those of one speaker
 * have a cosine near 1. `ranges` are pairs of samples, start and end, in which one voice alone is heard; the first
 * counts[0] pairs are those of the first voice, and so on. Each range makes frames of 25 ms every 10 ms from its own
 * start. Fewer than ten frames make a voice of zeros; more than 30000 are QASR_INVALID. */
int32_t qasr_speakers_embed(qasr_speakers *speakers, const float *samples, uint32_t samples_count,
                            const uint32_t *ranges, uint32_t ranges_count, const uint32_t *counts, uint32_t voices,
                            float *embeddings, uint32_t capacity, uint32_t *count);

/* --------------------------------------------------------------------------------------------------- alignment */

/* With an aligner's checkpoint: one causal pass over ids, and at every place of `marker_id` ("<timestamp>") the class it
 * stands for (of `timestamp_segment_ms` each, see qasr_model_info) with its lead, the best logit less the second. For
 * words w1 w2 ... the ids are <|audio_start|>, <|audio_pad|> for every row, <|audio_end|>, then each word's tokens (no
 * spaces) and two markers: its start and its end. Rows as for qasr_session_extend. Takes nothing from the session's
 * positions and adds none. At least one marker; `capacity` in markers. */
int32_t qasr_session_classify(qasr_session *session, const uint32_t *ids, uint32_t count, const float *rows,
                              uint32_t rows_count, uint32_t marker_id, uint32_t *classes, float *margins,
                              uint32_t capacity, uint32_t *classes_count);

/* The same in slices: begin, as qasr_session_begin does, then qasr_session_run until it is done, then the result. */
int32_t qasr_session_classify_begin(qasr_session *session, const uint32_t *ids, uint32_t count, const float *rows,
                                    uint32_t rows_count, uint32_t marker_id);
int32_t qasr_session_classified(qasr_session *session, uint32_t *classes, float *margins, uint32_t capacity,
                                uint32_t *classes_count);

/* -------------------------------------------------------------------------------------------- whole recordings */

/* Text as it is decoded, in whole characters, UTF-8, valid for the call. Anything but 0 ends the transcription. Called on
 * the thread that transcribes. */
typedef int32_t (*qasr_token_callback)(void *user, const uint8_t *text, uint32_t text_bytes);

/* 16 kHz mono samples in [-1, 1] to text, in one call that opens what it needs and closes it. Audio of more than two
 * minutes is cut at pauses about every 30 s; a piece in which nobody speaks has no text. `language`: as in
 * qasr_model_info ("English", in any case), or none for the model to find out; `context`: names and words that may occur,
 * or none. `callback`: may be null, `user` is handed to it. `text` gets all of it, or with NULL and capacity 0 nothing:
 * then `text_bytes` may be null, too. Where the callback ends it, QASR_OK and the text so far. May run on several threads
 * at once, which share the model. */
int32_t qasr_transcribe_samples(qasr_model *model, const float *samples, uint32_t samples_count, const char *language,
                                uint32_t language_bytes, const char *context, uint32_t context_bytes,
                                qasr_token_callback callback, void *user, uint8_t *text, uint32_t capacity,
                                uint32_t *text_bytes);

/* The same of a WAV file (RIFF, RF64): PCM of 8 to 32 bits, float of 16, 32 or 64, A-law, mu-law, any rate from 1 to
 * 768 kHz, any number of channels (their mean). Other files the caller decodes, for qasr_transcribe_samples. */
int32_t qasr_transcribe_file(qasr_model *model, const char *path, const char *language, uint32_t language_bytes,
                             const char *context, uint32_t context_bytes, qasr_token_callback callback, void *user,
                             uint8_t *text, uint32_t capacity, uint32_t *text_bytes);

/* --------------------------------------------------------------------------------------------------- self test */

/* C[m][n] = A[m][k] * B[n][k]^T, f32, on the calling thread, through the BLAS in use: for tests of its thread safety. */
int32_t qasr_sgemm(const float *a, const float *b, float *c, uint32_t m, uint32_t n, uint32_t k);

/* What this machine can do at best, with the model's threads: the fastest of several runs, in about half a second. */
typedef enum qasr_measurement {
  QASR_MEASURE_READ = 0,      /* bytes read per second, over m MiB of memory (use several times the last cache) */
  QASR_MEASURE_SGEMM = 1,     /* FLOP per second of C[m][n] = A[m][k] * B[n][k]^T in f32, a tile for every thread */
  QASR_MEASURE_ATTENTION = 2, /* FLOP per second of the decoder's causal attention over m positions */
  QASR_MEASURE_LINEAR = 3,    /* the same of m rows through a matrix of the decoder's, ffn by hidden, as a prefill does */
  QASR_MEASURE_INT8 = 4       /* operations per second of the int8 kernel, memory apart; two per multiply-add */
} qasr_measurement;

int32_t qasr_measure(qasr_model *model, uint32_t what, uint32_t m, uint32_t n, uint32_t k, double *per_second);

#ifdef __cplusplus
}
#endif
#endif
