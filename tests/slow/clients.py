"""Clients of other projects against a server: what each says of a clip is printed as a line of JSON.

In: the server's address, its key, Wyoming's port, a WAV of 16 kHz, what is said in it. Out: exit code 1 where a client
fails, or is told something else.
"""

import asyncio
import os
import sys
import wave

URL, KEY, WYOMING, CLIP, TEXT = sys.argv[1:6]
os.environ["OPENAI_API_KEY"] = KEY
os.environ["OPENAI_BASE_URL"] = f"{URL}/v1"

FAILED = []


def check(name, said, wanted=TEXT):
    print(f"{'ok    ' if said == wanted else 'WRONG '} {name}: {said!r}")
    if said != wanted:
        FAILED.append(name)


def openai_client():
    from openai import BadRequestError, OpenAI

    client = OpenAI(max_retries=0)
    transcriptions = client.audio.transcriptions
    with open(CLIP, "rb") as sound:
        check("openai json", transcriptions.create(model="whisper-1", file=sound).text)
    with open(CLIP, "rb") as sound:
        verbose = transcriptions.create(
            model="whisper-1", file=sound, response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
    check("openai words", " ".join(word.word for word in verbose.words))
    check("openai segments", "".join(segment.text for segment in verbose.segments).strip())
    check("openai language", verbose.language, "english")
    check("openai times", 0 <= verbose.words[0].start < verbose.words[-1].end <= float(verbose.duration), True)
    with open(CLIP, "rb") as sound:
        srt = transcriptions.create(model="whisper-1", file=sound, response_format="srt")
    check("openai srt", srt.split("\n")[2], TEXT)
    with open(CLIP, "rb") as sound:
        events = list(transcriptions.create(model="gpt-4o-transcribe", file=sound, stream=True))
    check("openai deltas", "".join(event.delta for event in events if event.type == "transcript.text.delta"))
    check("openai done", events[-1].text)
    try:
        transcriptions.create(model="whisper-1", file=("a.wav", b"no sound"))
    except BadRequestError as error:
        check("openai failure", error.code, "invalid_file")
    check("openai models", len(client.models.list().data), 1)


def speech_recognition():
    import speech_recognition

    with speech_recognition.AudioFile(CLIP) as source:
        recognizer = speech_recognition.Recognizer()
        check("SpeechRecognition", recognizer.recognize_openai(recognizer.record(source), language="en"))


async def wyoming():
    from wyoming.asr import Transcribe, Transcript
    from wyoming.audio import wav_to_chunks
    from wyoming.client import AsyncTcpClient
    from wyoming.info import Describe, Info

    async with AsyncTcpClient("127.0.0.1", int(WYOMING)) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        check("wyoming info", "en" in info.asr[0].models[0].languages, True)
        await client.write_event(Transcribe(language="en").event())
        with wave.open(CLIP, "rb") as sound:
            for chunk in wav_to_chunks(sound, 1024, start_event=True, stop_event=True):
                await client.write_event(chunk.event())
        check("wyoming transcript", Transcript.from_event(await client.read_event()).text)


async def livekit():
    from livekit import rtc
    from livekit.agents import stt, utils
    from livekit.plugins import openai

    with wave.open(CLIP, "rb") as sound:
        samples = sound.readframes(sound.getnframes())
    frame = rtc.AudioFrame(samples, 16_000, 1, len(samples) // 2)
    async with utils.http_context.open():
        rest = openai.STT(base_url=f"{URL}/v1", api_key=KEY, model="whisper-1", language="en")
        check("livekit", (await rest.recognize(frame)).alternatives[0].text)
        live = openai.STT(base_url=f"{URL}/v1", api_key=KEY, language="en", use_realtime=True)
        stream = live.stream()

        async def speak():
            for at in range(0, len(samples), 3200):
                piece = samples[at : at + 3200]
                stream.push_frame(rtc.AudioFrame(piece, 16_000, 1, len(piece) // 2))
                await asyncio.sleep(0.1)
            for _ in range(30):
                stream.push_frame(rtc.AudioFrame(bytes(3200), 16_000, 1, 1600))
                await asyncio.sleep(0.1)

        speaking = asyncio.create_task(speak())
        kinds = []
        async for event in stream:
            kinds.append(event.type)
            if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                check("livekit realtime", event.alternatives[0].text)
                break
        check("livekit interim", stt.SpeechEventType.INTERIM_TRANSCRIPT in kinds, True)
        await speaking
        await stream.aclose()
        await live.aclose()


openai_client()
speech_recognition()
asyncio.run(wyoming())
asyncio.run(asyncio.wait_for(livekit(), 60))
sys.exit(1 if FAILED else 0)
