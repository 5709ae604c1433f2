'use strict';

// 받은 것은 모두 textContent로 넣는다: 어떤 글도 글로 남는다. / All that comes is set as textContent: any text stays text.
const byId = (id) => document.getElementById(id);
const form = byId('form');
let asked = 0;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function place(name, rank) {
  return rank === null || rank === undefined ? null : `${name} ${rank}위`;
}

function similarity(row) {
  const line = element('div', undefined, 'similarity');
  if (typeof row.similarity === 'number') {
    const meter = element('meter');
    Object.assign(meter, { min: 0, max: 1, value: Math.max(0, row.similarity), title: '뜻의 가까움' });
    line.append(meter, element('span', `가까움 ${row.similarity.toFixed(3)}`));
  }
  const places = [place('뜻', row.vector_rank), place('글자', row.lexical_rank)].filter(Boolean).join(' · ');
  line.append(element('span', places));
  return line;
}

// 질문에서 읽은 조건과, 이 품목이 맞는지. / The conditions read off the question, and whether this product meets them.
function conditions(value) {
  if (!value) return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(conditions);
  return Object.entries(value).map(([name, what]) => `${name}: ${typeof what === 'object' ? JSON.stringify(what) : what}`);
}

function product(row) {
  const item = element('li');
  const title = element('h2', row.name);
  if (row.class) title.append(element('span', row.class, 'class'));
  item.append(title);
  const facts = [row.type, row.ingredients, row.enterprise].filter(Boolean).join(' · ');
  item.append(element('p', facts, 'facts'), similarity(row));
  const met = conditions(row.met).join(', ');
  if (met) item.append(element('p', `맞는 조건: ${met}`, 'facts'));
  if (row.dur.length) {
    const list = element('ul', undefined, 'dur');
    for (const mark of row.dur) {
      const line = element('li');
      line.append(element('b', mark.kind), ` ${[mark.partners, mark.reason].filter(Boolean).join(' — ')}`);
      list.append(line);
    }
    item.append(list);
  }
  return item;
}

function show({ rows = [], error = null, status = '' }) {
  byId('status').textContent = status;
  byId('rows').replaceChildren(...rows.map(product));
  const understood = rows.length ? conditions(rows[0].understood) : [];
  byId('understood').replaceChildren(...understood.map((text) => element('li', text)));
  byId('understood').hidden = !understood.length;
  byId('error').hidden = !error;
  byId('error').replaceChildren(...(error ? [error.message, error.hint].filter(Boolean).map((text) => element('p', text)) : []));
}

async function ask() {
  const parameters = new URLSearchParams(new FormData(form));
  const number = ++asked;
  history.replaceState(null, '', `?${parameters}`);
  show({ status: '찾는 중…' });
  try {
    const response = await fetch(`search?${parameters}`);
    const answer = await response.json();
    if (number !== asked) return;
    if (!response.ok) return show({ error: answer });
    show({ rows: answer.rows, status: answer.rows.length ? `${answer.rows.length}개를 찾았습니다.` : '찾은 것이 없습니다.' });
  } catch (problem) {
    if (number === asked) show({ error: { message: '서버에 닿을 수 없습니다.', hint: String(problem) } });
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  ask();
});
form.addEventListener('change', (event) => {
  if (event.target.name === 'mode' && byId('question').value.trim()) ask();
});
for (const button of document.querySelectorAll('.examples button')) {
  button.addEventListener('click', () => {
    byId('question').value = button.textContent;
    ask();
  });
}
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target === byId('question')) return;
  event.preventDefault();
  byId('question').select();
});

const given = new URLSearchParams(location.search);
if (given.get('q')) {
  byId('question').value = given.get('q');
  const mode = document.querySelector(`input[name=mode][value="${CSS.escape(given.get('mode') ?? 'hybrid')}"]`);
  if (mode) mode.checked = true;
  ask();
}
