"""What only a browser can show: that the scripts work under the pages' own policy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.settings import AuthSettings
from tests.api.place import Place
from tests.web.acting import start
from tests.web.browser import CHROMIUM, Tab, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


async def click(tab: Tab, id_: str) -> None:
    await tab.value(f"document.getElementById('{id_}').click()")


async def test_a_release_is_followed_and_commanded(new_site: Callable[..., Place], tmp_path: Path) -> None:
    site = new_site(auth=AuthSettings(mode="lab"))
    async with site.served(None) as (http, _), browser(tmp_path) as tab:
        release = await site.baking(http)
        await tab.open(f"{http.base_url}".rstrip("/") + f"/releases/{release}")
        await tab.until("document.getElementById('live').textContent.startsWith('Live')")
        assert await tab.value("document.title") == f"10 % · {site.target} v1→v2"
        ticking = await tab.value("document.querySelector('[data-until]').textContent")
        await tab.until(f"document.querySelector('[data-until]').textContent !== '{ticking}'")

        await http.post(f"/v1/releases/{release}/pause", json={"reason": "<b>lunch</b>"})
        await tab.until("document.title.startsWith('Paused')")
        assert "paused by lab: <b>lunch</b>" in await tab.text("sentence")
        await tab.value("document.getElementById('do-resume').focus()")
        await click(tab, "do-resume")
        await tab.until("document.title.startsWith('10 %')")
        assert await tab.text("answer") == "Resume: taken."
        assert await tab.value("document.activeElement.id") == "answer", "the button is gone, the focus is not"

        await tab.value("document.getElementById('do-skip').dataset.step = '2'")  # as on a page that is old
        await click(tab, "do-skip")
        await tab.until("document.getElementById('ask').open")
        await click(tab, "ask-do")
        assert await tab.value("document.getElementById('ask').open"), "a reason is asked for"
        await tab.value("document.getElementById('ask-why').value = 'looks right'")
        await click(tab, "ask-do")
        await tab.until("document.getElementById('answer').textContent.startsWith('step 3 is not the current one')")
        await tab.until("document.getElementById('do-skip').dataset.step === '0'")

        await click(tab, "do-abort")
        await tab.until("document.title.startsWith('Rolled back')")
        await tab.until("document.getElementById('live').textContent.startsWith('The release has ended')")
        assert await tab.value("document.querySelectorAll('[data-command]').length") == 0
        refused = [complaint for complaint in tab.complaints if "409" not in complaint]
        assert refused == []


async def test_the_board_is_moved_through_by_keys_and_fits_a_phone(
    new_site: Callable[..., Place], tmp_path: Path
) -> None:
    site = new_site(auth=AuthSettings(mode="lab"))
    async with site.served(None) as (http, _), browser(tmp_path) as tab:
        baking = await site.baking(http)
        asked = await start(http, "asked", reason="a-reason-without-any-space" * 10)
        await site.until(asked, lambda s: s.phase == "AWAITING_APPROVAL")
        await tab.ask("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=False)
        await tab.open(f"{http.base_url}".rstrip("/") + f"/?function={site.function}")
        assert await tab.value("document.documentElement.scrollWidth") <= 400
        focused = []
        for key in "jjkk":
            await tab.press(key)
            focused.append(await tab.value("document.activeElement.id"))
        assert focused == [f"link-{asked}", f"link-{baking}", f"link-{asked}", f"link-{asked}"]
        await http.post(f"/v1/releases/{baking}/abort")
        await tab.until(f"document.getElementById('row-{baking}').textContent.includes('Rolled back')")
        assert await tab.value("document.activeElement.id") == f"link-{asked}", "a new look leaves the focus"
        await tab.press("/")
        await tab.press("j")
        assert await tab.value("document.getElementById('filter').value") == "j"
        assert tab.complaints == []


async def test_without_scripts_the_page_still_tells_everything(new_site: Callable[..., Place], tmp_path: Path) -> None:
    site = new_site(auth=AuthSettings(mode="lab"))
    async with site.served(None) as (http, _), browser(tmp_path) as tab:
        release = await site.baking(http)
        await tab.ask("Emulation.setScriptExecutionDisabled", value=True)
        await tab.open(f"{http.base_url}".rstrip("/") + f"/releases/{release}")
        shown = await tab.value("document.body.innerText")
        for words in ("Baking", "The buttons need JavaScript", f"sluice abort {release}", "weight 0 → 10 % confirmed"):
            assert words in shown
        assert "Copy" not in shown
        assert await tab.value("document.getElementById('do-abort').offsetParent === null")
        assert tab.complaints == []
