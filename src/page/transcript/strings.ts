/** What a transcript on a page says around its text, in English, Simplified and Traditional Chinese. Data. */

const english = {
  player: "Player",
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
  empty: "No speech was heard.",
  edit: "Edit",
  editText: "Edit subtitles",
  editEnd: "Read",
  undo: "Undo",
  redo: "Redo",
  done: "Done",
  cancel: "Cancel",
  cueText: "Text of the subtitle",
  startTime: "Start",
  endTime: "End",
  startHere: "Start here",
  endHere: "End here",
  splitHere: "Split at cursor",
  mergeNext: "Join with next",
  removeCue: "Delete",
  realign: "Time again",
  realignAll: "Time edited ones again",
  aligning: "Finding the times:",
  notAligned: "Could not be timed again:",
};

/** The names of the texts; each table has them all. */
export type Strings = Readonly<Record<keyof typeof english, string>>;

const simplified: Strings = {
  player: "播放器",
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
  empty: "没有听到语音。",
  edit: "编辑",
  editText: "编辑字幕",
  editEnd: "阅读",
  undo: "撤销",
  redo: "重做",
  done: "完成",
  cancel: "取消",
  cueText: "字幕文字",
  startTime: "开始",
  endTime: "结束",
  startHere: "从此处开始",
  endHere: "到此处结束",
  splitHere: "在光标处拆分",
  mergeNext: "与下一条合并",
  removeCue: "删除",
  realign: "重新对时",
  realignAll: "为改过的字幕重新对时",
  aligning: "正在对时：",
  notAligned: "未能重新对时：",
};

const traditional: Strings = {
  player: "播放器",
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
  empty: "沒有聽到語音。",
  edit: "編輯",
  editText: "編輯字幕",
  editEnd: "閱讀",
  undo: "復原",
  redo: "重做",
  done: "完成",
  cancel: "取消",
  cueText: "字幕文字",
  startTime: "開始",
  endTime: "結束",
  startHere: "從這裡開始",
  endHere: "到這裡結束",
  splitHere: "在游標處分割",
  mergeNext: "與下一則合併",
  removeCue: "刪除",
  realign: "重新對時",
  realignAll: "為改過的字幕重新對時",
  aligning: "正在對時：",
  notAligned: "未能重新對時：",
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
