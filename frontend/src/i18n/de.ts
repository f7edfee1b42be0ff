/** Every text of the page, in German. */
import { counter } from "./count";
import type { Catalogue } from "./en";

const count = counter("de");

export const de: Catalogue = {
  locale: "de",
  direction: "ltr",
  app: "Chatbot",
  loading: "Einen Moment …",
  close: "Schließen",
  cancel: "Abbrechen",
  save: "Speichern",
  undo: "Rückgängig",
  tryAgain: "Noch einmal versuchen",
  dismiss: "Ausblenden",
  copy: "Kopieren",
  copied: "Kopiert",
  skip: "Zum Nachrichtenfeld",

  broken: {
    words: "Auf dieser Seite ging etwas schief. Nichts Gesendetes ist verloren.",
    reload: "Seite neu laden",
  },

  start: {
    greeting: (name) => `Was beschäftigt dich, ${name}?`,
    welcome: "Hallo. Wie soll ich dich nennen?",
    name: "Dein Name",
    namePlaceholder: "Ein Vorname genügt",
    examples: "Oder beginne mit einem davon",
    prompts: [
      "Was ist die Hauptstadt von Frankreich?",
      "Erkläre einem zehnjährigen Kind, wie ein Regenbogen entsteht.",
      "Schreibe einer Nachbarin ein paar Zeilen zum Dank.",
      "Nenne mir drei Ideen für einen verregneten Nachmittag.",
    ],
    caution: "Ein Sprachmodell kann sich irren, auch wenn es sicher klingt. Prüfe, worauf es ankommt.",
  },

  model: {
    pick: "Modell",
    ok: "bereit",
    loading: (percent) => (percent === null ? "wird geladen" : `wird geladen, ${percent} %`),
    degraded: "antwortet gerade langsam",
    down: "ist gerade nicht erreichbar",
    atOnce: "antwortet in einem Stück",
    removed: (alias) =>
      `„${alias}“ wird hier nicht mehr angeboten. Wähle in den Einstellungen ein anderes Modell.`,
  },

  sidebar: {
    title: "Gespräche",
    open: "Gespräche zeigen",
    close: "Gespräche schließen",
    start: "Neues Gespräch",
    none: "Hier stehen bald deine Gespräche.",
    untitled: "Neues Gespräch",
    rename: (title) => `„${title}“ umbenennen`,
    remove: (title) => `„${title}“ löschen`,
    newTitle: "Neuer Titel",
    removed: (title) => `„${title}“ wurde gelöscht.`,
    more: "Ältere zeigen",
    failed: "Die Liste konnte nicht geladen werden.",
    visitor: (name) => `${name} · Deine Daten`,
  },

  visitor: {
    title: "Deine Daten",
    kept: (name) =>
      `Was du schreibst, liegt auf diesem Server unter dem Namen ${name}, nur für diesen Browser.`,
    remove: "Alle meine Daten löschen",
    sure: "Alle deine Gespräche sind dann für immer weg.",
    reallyRemove: "Alles löschen",
  },

  theme: {
    label: "Erscheinungsbild",
    choose: (theme) => `Erscheinungsbild: ${theme}`,
    system: "System",
    light: "Hell",
    dark: "Dunkel",
  },

  conversation: {
    label: "Gespräch",
    empty: "Noch wurde nichts gesagt. Frag einfach.",
    opening: "Das Gespräch wird geöffnet …",
    toEnd: "Zum Ende",
    news: "Neues weiter unten",
    startAnew: "Ein neues beginnen",
    absent: "Deine Gespräche stehen in der Liste.",
    noTitle: "Nicht gefunden",
    older: "Frühere Nachrichten zeigen",
    olderFailed: "Frühere Nachrichten konnten nicht geladen werden.",
    you: "Du",
    writing: "Schreibt …",
    thinking: "Denkt nach …",
  },

  reply: {
    stop: "Anhalten",
    retry: "Noch einmal",
    queued: (position, eta) =>
      `${position === 1 ? "Als Nächstes dran" : `Platz ${position} in der Schlange`}${eta === null ? "" : `, etwa ${eta}`}`,
    waiting: "Wartet auf das Modell …",
    stopped: "Angehalten.",
    stoppedEmpty: "Angehalten, bevor etwas geschrieben war.",
    failed: "Diese Antwort ist gescheitert.",
    empty: "Das Modell hatte nichts zu sagen.",
    cutByModel: "Abgeschnitten: mehr darf das Modell auf einmal nicht schreiben.",
    cutByLimit: "Abgeschnitten: länger darf eine Antwort hier nicht sein.",
    details: "Einzelheiten",
    by: (model) => `Antwort von ${model}`,
    regenerate: "Andere Antwort",
    goOn: "Weiter",
    goOnText: "Bitte mach weiter.",
  },

  memory: {
    line: "Was darüber steht, sieht das Modell nicht mehr",
    label: "Gedächtnis",
    used: (tokens, window) => `Die letzte Antwort füllte ${tokens} der ${window} Token des Modells`,
  },

  settings: {
    title: "Einstellungen dieses Gesprächs",
    system_prompt: "Was dem Modell vorab gesagt wird",
    system_prompt_hint: "Steht über dem ganzen Gespräch, etwa: Antworte in einem Satz.",
    temperature: "Temperatur",
    top_p: "Top p",
    max_new_tokens: "Höchstens Token",
    seed: "Startwert",
    own: "wie üblich",
    next: "Gilt ab der nächsten Antwort.",
    export: "Zum Mitnehmen",
    print: "Drucken",
    removed: (alias) => `${alias} (nicht mehr angeboten)`,
  },

  search: {
    title: "Suchen",
    placeholder: "Nachricht oder Befehl",
    commands: "Befehle",
    hits: "Gefundene Nachrichten",
    hint: "Gesucht wird in allen deinen Gesprächen.",
    searching: "Sucht …",
    none: (words) => `Nichts enthält „${words}“.`,
    found: (n, more) => `${more ? "Die neuesten " : ""}${count(n, "Nachricht", "Nachrichten")}`,
    more: "Mehr zeigen",
  },

  shortcuts: {
    title: "Tasten",
    keys: [
      ["Enter", "Nachricht senden"],
      ["Umschalt+Enter", "Neue Zeile beginnen"],
      ["Esc", "Antwort anhalten"],
      ["↑", "Früher Gesagtes zurückholen"],
      ["/", "Zum Nachrichtenfeld"],
      ["Strg+K", "Suchen, oder einen Befehl geben"],
      ["Strg+Umschalt+O", "Neues Gespräch"],
      ["?", "Diese Tasten zeigen"],
    ],
  },

  asked: {
    edit: "Ändern",
    editLabel: "Anders sagen",
    hint: "Strg+Enter sendet, Esc lässt es, wie es war",
  },

  versions: {
    label: "Fassungen",
    earlier: "Frühere Fassung",
    later: "Spätere Fassung",
    which: (at, of) => `${at}/${of}`,
  },

  thumbs: { good: "Gute Antwort", poor: "Schlechte Antwort" },

  details: {
    time: "Zeit",
    model: "Modell",
    read: "Gelesene Token",
    wrote: "Geschriebene Token",
    queued: "Gewartet",
    first: "Erstes Token nach",
    total: "Fertig nach",
    attempt: "Versuch",
  },

  unsent: {
    sending: "Wird gesendet …",
    waiting: "Wartet auf die Verbindung",
    behind: "Wird gesendet, wenn die Antwort fertig ist",
    again: (seconds) => `Geht in ${count(seconds, "Sekunde", "Sekunden")} wieder hinaus`,
    failed: "Nicht gesendet.",
    sendAgain: "Noch einmal senden",
    takeBack: "Zurücknehmen",
    regenerate: "Andere Antwort",
  },

  composer: {
    label: "Nachricht",
    placeholder: "Schreib eine Nachricht",
    send: "Senden",
    left: (n) => `Noch ${count(n, "Zeichen", "Zeichen")}`,
    over: (n) => `${count(n, "Zeichen", "Zeichen")} zu viel`,
    tokens: (n) => `etwa ${count(n, "Token", "Token")}`,
    window: (n, window) =>
      `Etwa ${count(n, "Token", "Token")}; auf einmal liest das Modell ${window.toLocaleString("de")}, seine Antwort mitgezählt`,
    busy: "Du kannst weiterschreiben; gesendet wird, wenn die Antwort fertig ist.",
    hint: "Enter sendet, Umschalt+Enter beginnt eine Zeile",
  },

  connection: {
    connecting: "Verbindet …",
    waiting: "Die Verbindung ist weg. Ein neuer Versuch läuft …",
    restarting: "Der Server startet neu. Einen Moment …",
    offlineStart:
      "Du bist offline. Deine Gespräche liegen auf dem Server und gehen auf, wenn du wieder da bist.",
    offline: "Du bist offline. Nachrichten gehen hinaus, wenn du wieder da bist.",
    now: "Jetzt versuchen",
    closed: {
      4500: "Dieses Gespräch gibt es nicht, oder es gehört dir nicht.",
      4501: "Dieses Gespräch wurde gelöscht.",
      4503: "Der Server hat diese Seite nicht verstanden. Neu laden kann helfen.",
      4504: "Dieses Gespräch ist in zu vielen Tabs offen.",
    },
    closedOther: "Der Server hat die Verbindung beendet.",
  },

  errors: {
    busy: "Es wird noch eine Antwort geschrieben.",
    rate_limited: "Das war zu viel auf einmal.",
    queue_full: "Zu viele warten gerade auf das Modell.",
    too_long: "Die Nachricht ist zu lang.",
    too_large: "Die Nachricht ist zu groß, um gesendet zu werden.",
    undeliverable: "Bei jedem Senden ist die Verbindung abgebrochen.",
    expired: "Dieses Gespräch ist beendet: es ruhte zu lange. Lesen kannst du es noch.",
    not_found: "Das gibt es nicht, oder es gehört dir nicht.",
    unauthorized: "Das gibt es nicht, oder es gehört dir nicht.",
    unavailable: "Der Server kann gerade nichts speichern.",
    upstream_timeout: "Das Modell hat zu lange gebraucht.",
    upstream_unavailable: "Das Modell ist nicht erreichbar.",
    upstream_rejected: "Das Modell hat die Anfrage abgelehnt.",
    upstream_garbage: "Das Modell hat Unlesbares geantwortet.",
    upstream_incomplete: "Das Modell hat mittendrin abgebrochen.",
    context_too_long: "Das ist mehr, als das Modell auf einmal lesen kann.",
    interrupted: "Der Server wurde beim Schreiben unterbrochen.",
    name_required: "Bitte sag zuerst, wie ich dich nennen soll.",
    csrf: "Die Seite ist veraltet. Bitte lade sie neu.",
    unreachable: "Der Server ist nicht erreichbar.",
    internal: "Auf dem Server ist etwas schiefgegangen.",
  },

  markdown: {
    copyCode: "Code kopieren",
    image: (alt) => (alt === "" ? "Bild" : `Bild: ${alt}`),
    done: "Erledigt",
    open: "Offen",
  },
};
