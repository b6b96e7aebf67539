/* Transcribes a WAV file through libqwen_asr, printing as it decodes.
 *   cc -O2 -Izig samples/c/transcribe.c -o transcribe -Lzig-out/lib -lqwen_asr -Wl,-rpath,"$PWD/zig-out/lib"
 *   ./transcribe MODEL_FOLDER FILE.wav [LANGUAGE] [CONTEXT] */
#include <stdio.h>
#include <string.h>
#include "qwen_asr.h"

static int32_t show(void *user, const uint8_t *text, uint32_t text_bytes) {
  fwrite(text, 1, text_bytes, user);
  return fflush(user); /* not 0 (nobody reads any more) ends the transcription */
}

static int failed(void) {
  char message[512] = "";
  qasr_error_message(message, sizeof message - 1);
  return fprintf(stderr, "transcribe: %s\n", message), 1;
}

int main(int argc, char **argv) {
  const char *language = argc > 3 ? argv[3] : "", *context = argc > 4 ? argv[4] : "";
  qasr_model *model;
  int32_t status;
  if (argc < 3) return fprintf(stderr, "usage: transcribe MODEL_FOLDER FILE.wav [LANGUAGE] [CONTEXT]\n"), 2;
  if (qasr_model_open(argv[1], 0, QASR_WEIGHTS_BF16, NULL, NULL, &model) != QASR_OK) return failed();
  status = qasr_transcribe_file(model, argv[2], language, (uint32_t)strlen(language), context,
                                (uint32_t)strlen(context), show, stdout, NULL, 0, NULL);
  if (status == QASR_OK) putchar('\n');
  int code = status == QASR_OK ? 0 : failed();
  qasr_model_close(model);
  return code;
}
