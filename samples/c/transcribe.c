/* Transcribes a 16 kHz mono 16-bit WAV through libqwen_asr, printing as it decodes.
 *   cc -O2 -Izig samples/c/transcribe.c -o transcribe -Lzig-out/lib -lqwen_asr -Wl,-rpath,"$PWD/zig-out/lib"
 *   ./transcribe MODEL_FOLDER FILE.wav [LANGUAGE] [CONTEXT] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qwen_asr.h"

static void check(int32_t status) {
  char message[512] = "";
  if (status == QASR_OK) return;
  qasr_error_message(message, sizeof message - 1);
  fprintf(stderr, "transcribe: %s\n", message);
  exit(1);
}

/* Samples of the data chunk in [-1, 1); none where the file is no such WAV. */
static uint32_t read_wav(const char *path, float **samples) {
  uint8_t chunk[8], fmt[16] = {0}, s[2];
  FILE *file = fopen(path, "rb");
  uint32_t count = 0;
  if (!file || fseek(file, 12, SEEK_SET)) return 0; /* behind "RIFF....WAVE" */
  while (fread(chunk, 1, 8, file) == 8) {
    uint32_t size = chunk[4] | chunk[5] << 8 | chunk[6] << 16 | (uint32_t)chunk[7] << 24, used = 0;
    if (!memcmp(chunk, "fmt ", 4)) used = (uint32_t)fread(fmt, 1, size < 16 ? size : 16, file);
    int is_ours = fmt[0] == 1 && fmt[2] == 1 && fmt[4] == 0x80 && fmt[5] == 0x3e && fmt[14] == 16;
    if (!memcmp(chunk, "data", 4) && is_ours && (*samples = malloc((size_t)size * 2 + 4)))
      while (count < size / 2 && fread(s, 1, 2, file) == 2) (*samples)[count++] = (int16_t)(s[0] | s[1] << 8) / 32768.0f;
    if (count || fseek(file, (long)(size - used + (size & 1)), SEEK_CUR)) break;
  }
  fclose(file);
  return count;
}

int main(int argc, char **argv) {
  const char *language = argc > 3 ? argv[3] : "", *context = argc > 4 ? argv[4] : "";
  const uint32_t language_bytes = (uint32_t)strlen(language), context_bytes = (uint32_t)strlen(context);
  uint32_t rows_count, ids_count, bytes, id, asr_text, capacity, samples_count = 0;
  float *samples, *rows;
  uint8_t piece[256];
  qasr_model *model;
  qasr_encoder *encoder;
  qasr_session *session;
  if (argc < 3) return fprintf(stderr, "usage: transcribe MODEL_FOLDER FILE.wav [LANGUAGE] [CONTEXT]\n"), 2;
  if (!(samples_count = read_wav(argv[2], &samples))) return fprintf(stderr, "transcribe: %s: no such WAV\n", argv[2]), 1;
  check(qasr_model_open(argv[1], 0, QASR_WEIGHTS_BF16, NULL, NULL, &model));
  check(qasr_encoder_open(model, &encoder));
  check(qasr_session_open(model, &session));

  check(qasr_encode(encoder, samples, samples_count, 0, NULL, 0, &rows_count)); /* how many? */
  rows = malloc((size_t)rows_count * qasr_model_row_floats(model) * sizeof *rows);
  check(qasr_encode(encoder, samples, samples_count, 0, rows, rows_count, &rows_count));
  capacity = rows_count + context_bytes + language_bytes + 64; /* a token is at least a byte */
  uint32_t *ids = malloc(capacity * sizeof *ids);
  check(qasr_prompt(model, rows_count, context, context_bytes, language, language_bytes, ids, capacity, &ids_count));
  check(qasr_session_extend(session, ids, ids_count, rows, rows_count));

  check(qasr_token_id(model, "<asr_text>", 10, &asr_text)); /* undecided, it first says "language X<asr_text>" */
  for (int step = 0, in_text = language_bytes > 0; step < 2048; step++) {
    check(qasr_session_next(session, &id, NULL));
    if (qasr_token_is_end(model, id)) break;
    check(qasr_token_bytes(model, id, piece, sizeof piece, &bytes));
    if (in_text) fwrite(piece, 1, bytes, stdout), fflush(stdout);
    in_text = in_text || id == asr_text;
    check(qasr_session_extend(session, &id, 1, NULL, 0));
  }
  putchar('\n');
  qasr_encoder_close(encoder), qasr_session_close(session), qasr_model_close(model);
  return free(ids), free(rows), free(samples), 0;
}
