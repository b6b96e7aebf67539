/* Transcribes what is being said, from raw 16-bit 16 kHz mono samples on standard input, one line per utterance.
 *   cc -O2 -Izig samples/c/stream.c -o stream -Lzig-out/lib -lqwen_asr -Wl,-rpath,"$PWD/zig-out/lib" -lm
 *   arecord -q -t raw -f S16_LE -r 16000 -c 1 | ./stream MODEL_FOLDER [LANGUAGE]
 *
 * Every two seconds all audio of the utterance is heard again, which costs little: the listener keeps the encoder's
 * work, the session the decoder's. What is printed is final: all but the last five tokens, from the third time on. They
 * begin the model's next answer, so it goes on from there. A pause ends the utterance and settles all of it. Ctrl-C
 * ends the recording; what was said until then is still printed. A second one ends the program. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qwen_asr.h"

enum {
  FRAME = QASR_SAMPLE_RATE / 50,  /* samples whose loudness is looked at together: 20 ms */
  CHUNK = 2 * QASR_SAMPLE_RATE,   /* new audio per step */
  LEAD = QASR_SAMPLE_RATE / 2,    /* kept from before the first loud frame */
  HELD_MAX = 24 * QASR_SAMPLE_RATE,
  PAUSE_FRAMES = 40,              /* quiet frames that end an utterance: 0.8 s */
  OPEN_TOKENS = 5,                /* the last of an answer, which may still change */
  OPEN_STEPS = 2,                 /* answers of which nothing is settled */
  NEW_TOKENS_MAX = 32,            /* per step */
  TOKENS_MAX = 1024
};

static qasr_model *model;
static qasr_encoder *encoder;
static qasr_listener *listener;
static qasr_session *session;
static const char *language = "";
static uint32_t asr_text, audio_pad;

/* Of the utterance: the model's last answer, how many tokens of it are settled, how much audio the listener has. */
static uint32_t answer[TOKENS_MAX], answer_count, settled, steps, held;
static int is_text_begun;

static volatile sig_atomic_t is_interrupted;
static void interrupt(int number) { (void)number, is_interrupted = 1; }

static void check(int32_t status) {
  char message[512] = "";
  if (status == QASR_OK) return;
  qasr_error_message(message, sizeof message - 1);
  fprintf(stderr, "stream: %s\n", message);
  exit(1);
}

static void *room(void *old, size_t bytes) {
  void *fresh = realloc(old, bytes);
  if (!fresh) fprintf(stderr, "stream: out of memory\n"), exit(1);
  return fresh;
}

/* Tokens of the answer before its text ("language English<asr_text>"); all of them while there is no text yet. */
static uint32_t header(void) {
  if (*language) return 0;
  for (uint32_t i = 0; i < answer_count; i++)
    if (answer[i] == asr_text) return i + 1;
  return answer_count;
}

/* Prints the answer's tokens up to `count` that were not printed, but no white space before the first word. */
static void settle(uint32_t count) {
  for (uint32_t i = settled > header() ? settled : header(); i < count; i++) {
    uint8_t piece[256], *from = piece;
    uint32_t bytes;
    check(qasr_token_bytes(model, answer[i], piece, sizeof piece, &bytes));
    while (!is_text_begun && bytes > 0 && *from == ' ') from++, bytes--;
    is_text_begun = is_text_begun || bytes > 0;
    fwrite(from, 1, bytes, stdout);
  }
  fflush(stdout);
  settled = count;
}

/* Takes the prompt in as far as it has changed, then the settled tokens and, as a guess, the rest of the last answer.
 * Returns how many tokens of the answer the session has now. */
static uint32_t take_in(void) {
  static float *rows, logprobs[TOKENS_MAX];
  static uint32_t *ids;
  uint32_t rows_count = qasr_listener_rows(listener), unchanged, ids_count, first = 0, accepted;
  const uint32_t hidden = qasr_model_row_floats(model), capacity = rows_count + 256 + TOKENS_MAX;
  rows = room(rows, (size_t)rows_count * hidden * sizeof *rows);
  ids = room(ids, capacity * sizeof *ids);
  check(qasr_listener_encode(listener, encoder, rows, rows_count, &rows_count, NULL, &unchanged));
  check(qasr_prompt(model, rows_count, NULL, 0, language, (uint32_t)strlen(language), ids, capacity - TOKENS_MAX,
                    &ids_count));
  memcpy(ids + ids_count, answer, answer_count * sizeof *answer), ids_count += answer_count;
  while (ids[first] != audio_pad) first++;
  uint32_t keep = first + unchanged, positions = qasr_session_positions(session);
  if (keep > positions) keep = positions < first ? positions : first;
  const uint32_t rows_kept = keep > first ? keep - first : 0;
  check(qasr_session_verify(session, keep, ids + keep, ids_count - keep, rows + (size_t)rows_kept * hidden,
                            rows_count - rows_kept, answer_count - settled, logprobs, &accepted));
  return settled + accepted;
}

/* The model's answer to all audio held; `is_last` settles it. */
static void hear(int is_last) {
  const uint32_t limit = is_last ? TOKENS_MAX : settled + OPEN_TOKENS + NEW_TOKENS_MAX;
  for (answer_count = take_in(); answer_count < limit && answer_count < TOKENS_MAX;) {
    uint32_t id;
    check(qasr_session_next(session, &id, NULL));
    if (qasr_token_is_end(model, id)) break;
    answer[answer_count++] = id;
    check(qasr_session_extend(session, &id, 1, NULL, 0));
  }
  uint32_t count = answer_count > OPEN_TOKENS && ++steps > OPEN_STEPS ? answer_count - OPEN_TOKENS : 0;
  if (is_last) count = answer_count;
  if (count > settled && count > header()) settle(count);
}

static void append(const float *samples, uint32_t count) {
  check(qasr_listener_append(listener, samples, count));
  held += count;
}

static void end_utterance(void) {
  hear(1);
  if (is_text_begun) putchar('\n'), fflush(stdout);
  check(qasr_listener_forget(listener, QASR_EVERYTHING));
  answer_count = settled = steps = held = 0, is_text_begun = 0;
}

/* Whether a frame is louder than the quiet parts of the recording, whose level it learns. */
static int is_loud(const float *samples, uint32_t count) {
  static float level = 0.005f;
  float energy = 0;
  for (uint32_t i = 0; i < count; i++) energy += samples[i] * samples[i];
  const float loudness = sqrtf(energy / (float)count);
  level = loudness < level ? fmaxf(loudness, 0.0005f) : level * 1.002f;
  return loudness > 3 * level;
}

static void listen(void) {
  static float waiting[CHUNK + LEAD]; /* not with the listener yet */
  uint32_t count = 0, quiet = 0;
  uint8_t bytes[2 * FRAME];
  int is_speech = 0;
  for (size_t got = FRAME; got == FRAME && !is_interrupted;) {
    got = fread(bytes, 2, FRAME, stdin);
    float *frame = waiting + count;
    for (size_t i = 0; i < got; i++) frame[i] = (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8) / 32768.0f;
    count += (uint32_t)got;
    quiet = got > 0 && is_loud(frame, (uint32_t)got) ? 0 : quiet + 1;
    if (quiet == 0) is_speech = 1;
    if (!is_speech) { /* keep a little from before the first word */
      const uint32_t more = count > LEAD ? count - LEAD : 0;
      memmove(waiting, waiting + more, (count - more) * sizeof *waiting), count -= more;
    } else if (quiet >= PAUSE_FRAMES || held + count >= HELD_MAX) {
      append(waiting, count), count = 0, is_speech = quiet == 0;
      end_utterance();
    } else if (count >= CHUNK) {
      append(waiting, count), count = 0;
      hear(0);
    }
  }
  if (is_speech && held + count > 0) append(waiting, count), end_utterance();
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND}; /* reading ends, too */
  if (argc < 2) return fprintf(stderr, "usage: stream MODEL_FOLDER [LANGUAGE] < raw 16-bit 16 kHz mono\n"), 2;
  if (argc > 2) language = argv[2];
  sigaction(SIGINT, &action, NULL), sigaction(SIGTERM, &action, NULL);
  check(qasr_model_open(argv[1], 0, QASR_WEIGHTS_BF16, NULL, NULL, &model));
  check(qasr_token_id(model, "<asr_text>", 10, &asr_text));
  check(qasr_token_id(model, "<|audio_pad|>", 13, &audio_pad));
  check(qasr_encoder_open(model, &encoder));
  check(qasr_session_open(model, &session));
  check(qasr_listener_open(model, 0, 1, &listener));
  listen();
  qasr_listener_close(listener), qasr_session_close(session), qasr_encoder_close(encoder);
  check(qasr_model_close(model));
  return 0;
}
