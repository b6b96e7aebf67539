/** What a transcript on a page says around its text, in English, Simplified and Traditional Chinese. Data. */

const english = {
  play: "Play",
  pause: "Pause",
  speed: "Speed",
  position: "Position in the recording",
  noSound: "No recording is attached.",
  soundMissing: "The recording cannot be played from here.",
  chooseSound: "Choose the file",
  doubtful: "Doubtful words",
  nextDoubtful: "Next doubtful word",
  follow: "Follow the text",
  keys: "Keys: space plays, j and l jump 10 s, arrows 5 s, up and down a line, d finds the next doubtful word.",
  subtitles: "Subtitles",
  gaps: "Speech without text",
  incomplete: "Incomplete: the recording was not heard to its end.",
  empty: "No speech was heard.",
};

/** The names of the texts; each table has them all. */
export type Strings = Readonly<Record<keyof typeof english, string>>;

const simplified: Strings = {
  play: "播放",
  pause: "暂停",
  speed: "速度",
  position: "播放位置",
  noSound: "未附录音。",
  soundMissing: "无法从此处播放录音。",
  chooseSound: "选择文件",
  doubtful: "存疑的词",
  nextDoubtful: "下一个存疑的词",
  follow: "跟随文本",
  keys: "按键：空格播放，j 和 l 跳 10 秒，左右方向键跳 5 秒，上下方向键换行，d 找下一个存疑的词。",
  subtitles: "字幕",
  gaps: "有语音而无文字",
  incomplete: "不完整：录音未听到结尾。",
  empty: "没有听到语音。",
};

const traditional: Strings = {
  play: "播放",
  pause: "暫停",
  speed: "速度",
  position: "播放位置",
  noSound: "未附錄音。",
  soundMissing: "無法從這裡播放錄音。",
  chooseSound: "選擇檔案",
  doubtful: "存疑的詞",
  nextDoubtful: "下一個存疑的詞",
  follow: "跟隨文字",
  keys: "按鍵：空白鍵播放，j 和 l 跳 10 秒，左右方向鍵跳 5 秒，上下方向鍵換行，d 找下一個存疑的詞。",
  subtitles: "字幕",
  gaps: "有語音而無文字",
  incomplete: "不完整：錄音未聽到結尾。",
  empty: "沒有聽到語音。",
};

/** The table for a reader's languages, as `navigator.languages` lists them. */
export function stringsFor(languages: readonly string[]): Strings {
  for (const language of languages) {
    const tag = language.toLowerCase();
    if (/^(?:zh|yue)\b/.test(tag)) return /hant|tw|hk|mo|yue(?!.*hans)/.test(tag) ? traditional : simplified;
    if (/^en\b/.test(tag)) break;
  }
  return english;
}
