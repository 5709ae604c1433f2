"""test.py URL [SCREENSHOT]: asks the page in headless Chromium, as a person would, with keyboard alone."""

import sys

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

URL = sys.argv[1]


def browser(width, height):
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.get(URL)
    return driver


def ask(driver, question):
    field = driver.find_element(By.ID, "question")
    field.clear()
    field.send_keys(question + Keys.ENTER)
    return answer(driver)


def answer(driver):
    WebDriverWait(driver, 20).until(lambda d: "찾는 중" not in d.find_element(By.ID, "status").text)
    return [row.text for row in driver.find_elements(By.CSS_SELECTOR, "#rows > li")]


def error(driver):
    shown = driver.find_element(By.ID, "error")
    return shown.text if shown.is_displayed() else ""


def rows_are_read(driver):
    rows = ask(driver, "열을 내리는 약은?")
    assert len(rows) == 10, rows
    assert any("해열.진통.소염제" in row for row in rows[:3]), rows
    assert "가까움 0." in rows[0] and "뜻 " in rows[0], rows[0]
    assert "10개" in driver.find_element(By.ID, "status").text
    assert not error(driver)


def dur_marks_are_shown(driver):
    rows = ask(driver, "이부프로펜")
    marked = [row for row in rows if "임부금기" in row]
    assert marked and "동맥관" in marked[0], rows


def the_mode_changes_by_keyboard(driver):
    hybrid = ask(driver, "타이레놀 500")
    checked = driver.find_element(By.CSS_SELECTOR, "input[name=mode]:checked")
    checked.send_keys(Keys.ARROW_RIGHT)
    vector = answer(driver)
    assert driver.find_element(By.CSS_SELECTOR, "input[name=mode]:checked").get_attribute("value") == "vector"
    assert "mode=vector" in driver.current_url
    assert all("글자" not in row for row in vector) and any("글자" in row for row in hybrid), (hybrid, vector)
    driver.find_element(By.CSS_SELECTOR, "input[name=mode]:checked").send_keys(Keys.ARROW_LEFT)
    answer(driver)
    driver.find_element(By.CSS_SELECTOR, "input[name=mode]:checked").send_keys("/")
    assert driver.switch_to.active_element.get_attribute("id") == "question"


def hostile_text_stays_text(driver):
    hostile = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>'; DROP TABLE drug_summary; --"
    assert ask(driver, hostile), error(driver)
    assert driver.title.startswith("의약품 검색") and not driver.find_elements(By.CSS_SELECTOR, "main img, main script")
    # The same text in a row of the table and as an address that somebody sends.
    assert len(ask(driver, "열을 내리는 약은?")) == 10, "the table is there"
    driver.execute_script("show({rows: [{name: arguments[0], dur: [{kind: arguments[0], reason: arguments[0]}]}]})", hostile)
    assert hostile in driver.find_element(By.CSS_SELECTOR, "#rows h2").text
    assert not driver.find_elements(By.CSS_SELECTOR, "main img, main script") and driver.title.startswith("의약품 검색")


def errors_are_shown(driver):
    assert ask(driver, " \u200b ") == []
    assert error(driver), "a blank question is PostgreSQL's error"
    driver.get(URL + "/?q=x&mode=nonsense")
    assert answer(driver), "an unknown mode in an address falls back to the page's own"
    ask(driver, "가" * 3000)
    assert "tokens" in error(driver) or "토큰" in error(driver) or "long" in error(driver), error(driver)
    assert len(ask(driver, "소화제")) == 10 and not error(driver), "it goes away with the next answer"


def fits_a_phone():
    driver = browser(500, 900)
    driver.set_window_size(360, 740)
    ask(driver, "열을 내리는 약은?")
    width = driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], width
    heights = driver.execute_script("return [...document.querySelectorAll('form button, form input[type=search]')].map(e => e.offsetHeight)")
    assert min(heights) >= 40, heights
    driver.quit()


driver = browser(900, 1000)
for part in (rows_are_read, dur_marks_are_shown, the_mode_changes_by_keyboard, hostile_text_stays_text, errors_are_shown):
    part(driver)
    print(f"{part.__name__}: ok")
severe = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE" and "/search?" not in entry["message"]]
assert not severe, severe
if len(sys.argv) > 2:
    driver.get(URL + "/?q=열을 내리는 약은%3F")
    answer(driver)
    driver.save_screenshot(sys.argv[2])
driver.quit()
fits_a_phone()
print("fits_a_phone: ok")
