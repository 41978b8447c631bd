"""Rules on the HTML: structure, headings, links, pictures. Never here: colours, client support."""

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from digest.preflight.case import Case, Says, rule, tag
from digest.preflight.links import host_of

FORBIDDEN = (
    "script", "form", "iframe", "frame", "object", "embed", "applet", "video", "audio", "base",
    "input", "button", "textarea", "select",
)  # fmt: skip
VAGUE = frozenset(
    {"click here", "here", "read more", "more", "this link", "link", "tap here", "learn more"}
)
STYLE = 16_000  # bytes; Gmail ignores all style sheets beyond
SMALLEST = 12  # pixels
TEMPLATE = "issue.html.jinja"


@rule("doctype-missing", "warning")
def doctype_missing(case: Case) -> Says:
    """Without `<!DOCTYPE html>` webmail and Outlook lay the mail out in quirks mode."""
    if case.rendering.html and not re.match(r"(?i)\s*<!doctype html>", case.rendering.html):
        yield "html", "The HTML does not begin with <!DOCTYPE html>.", f"Add it to {TEMPLATE}."


@rule("language-missing", "error")
def language_missing(case: Case) -> Says:
    """Screen readers need `lang` and `dir`, on html and on a wrapper in body: Gmail drops html."""
    inner = [node for node in case.elements if node.get("lang") and node.get("dir")]
    if case.tree is not None and not {"html", "div"} <= {tag(node) for node in inner}:
        yield (
            "html",
            "The html element or the wrapper within body has no lang and dir.",
            f"Add lang and dir to both in {TEMPLATE}.",
        )


@rule("html-title-missing", "warning")
def html_title_missing(case: Case) -> Says:
    """The title names the tab when a reader views the mail in the browser."""
    titles = [node for node in case.named("title") if node.text_content().strip()]
    if case.tree is not None and not titles:
        yield "html head", "The HTML has no title.", f"Add <title> to {TEMPLATE}."


@rule("charset-missing", "warning")
def charset_missing(case: Case) -> Says:
    """A mail that is saved as a file is read in the wrong letters without its charset."""
    if case.tree is not None and not [n for n in case.named("meta") if n.get("charset")]:
        yield (
            "html head",
            "The HTML names no charset.",
            f"Add the charset meta to {TEMPLATE}.",
        )


@rule("viewport-missing", "warning")
def viewport_missing(case: Case) -> Says:
    """Without a viewport phones show the mail shrunk to a third."""
    metas = [node for node in case.named("meta") if node.get("name") == "viewport"]
    if case.tree is not None and not metas:
        yield "html head", "The HTML names no viewport.", f"Add the viewport meta to {TEMPLATE}."
    for meta in metas:
        if re.search(r"user-scalable\s*=\s*(no|0)", meta.get("content", "")):
            yield "html head", "The viewport forbids to enlarge.", "Take user-scalable out."


@rule("element-forbidden", "error")
def element_forbidden(case: Case) -> Says:
    """Scripts, forms, frames and players are stripped by clients and distrusted by filters."""
    for name in dict.fromkeys(tag(node) for node in case.named(*FORBIDDEN)):
        yield "html", f"The mail contains <{name}>.", f"Take it out of {TEMPLATE}."
    for node in case.named("link"):
        if node.get("rel", "").lower() == "stylesheet":
            yield "html head", "The mail loads a style sheet.", "Put its rules into email.css."


@rule("script-in-attribute", "error")
def script_in_attribute(case: Case) -> Says:
    """`onclick` and its like run nowhere in mail and look like an attack."""
    for node in case.elements:
        for name in map(str, node.attrib):
            if name.lower().startswith("on"):
                yield f"<{tag(node)}>", f"An element has {name}.", f"Take it out of {TEMPLATE}."


@rule("heading-order", "error")
def heading_order(case: Case) -> Says:
    """Screen readers jump from heading to heading: one h1, and no level left out."""
    levels = [int(tag(node)[1]) for node in case.named("h1", "h2", "h3", "h4", "h5", "h6")]
    remedy = f"Mend the headings in {TEMPLATE}."
    if levels and levels.count(1) != 1:
        yield "headings", "The mail must have exactly one h1.", remedy
    if any(after > before + 1 for before, after in zip([0, *levels], levels, strict=False)):
        yield "headings", "The headings skip a level.", remedy


@rule("layout-table-role", "warning")
def layout_table_role(case: Case) -> Says:
    """Screen readers read out the cells of a layout table unless role says what it is."""
    bare = [
        node
        for node in case.named("table")
        if node.get("role") not in {"presentation", "none"} and not node.findall(".//th")
    ]
    if bare:
        yield (
            "html",
            f"{len(bare)} tables have no role.",
            f'Add role="presentation" to them in {TEMPLATE}.',
        )


@rule("conditional-unbalanced", "error")
def conditional_unbalanced(case: Case) -> Says:
    """A comment for Outlook that is not closed hides the rest of the mail from it."""
    opened = len(re.findall(r"<!--\[if ", case.rendering.html))
    closed = len(re.findall(r"<!\[endif\]-->", case.rendering.html))
    if opened != closed:
        yield (
            "html",
            f"{opened} conditional comments are opened and {closed} closed.",
            f"Close each <!--[if mso]> in {TEMPLATE}.",
        )


@rule("style-too-long", "warning")
def style_too_long(case: Case) -> Says:
    """Gmail ignores all style sheets once they have 16,000 bytes together."""
    size = sum(len((node.text or "").encode()) for node in case.named("style"))
    if size > STYLE:
        yield "style", f"The style sheets have {size:,} bytes.", "Shorten client.css."


@rule("style-in-body", "warning")
def style_in_body(case: Case) -> Says:
    """Style sheets in the body are dropped by most webmail."""
    if any(_within(node, "body") for node in case.named("style")):
        yield "style", "A style sheet stands in the body.", "Move it into the head."


@rule("text-tiny", "warning")
def text_tiny(case: Case) -> Says:
    """Text below 12 pixels cannot be read on a phone."""
    for node in case.elements:
        size = re.search(r"font-size:\s*([\d.]+)px", node.get("style", ""))
        if size and float(size[1]) < SMALLEST and _own_text(node):
            yield (
                f"<{tag(node)}>",
                f"“{_own_text(node)[:40]}” is set in {size[1]} pixels.",
                f"Use {SMALLEST} or more.",
            )


@rule("picture-alt-missing", "error")
def picture_alt_missing(case: Case) -> Says:
    """An img without alt is read out as its address; one that is linked must say where to."""
    for node in case.named("img"):
        if node.get("alt") is None:
            yield _picture(node), "A picture has no alt attribute.", f"Add it in {TEMPLATE}."
        elif not node.get("alt", "").strip() and _within(node, "a"):
            yield _picture(node), "A linked picture is not described.", "Write its alt text."


@rule("picture-width-missing", "warning")
def picture_width_missing(case: Case) -> Says:
    """Outlook shows a picture as wide as its file unless a numeric width says otherwise."""
    for node in case.named("img"):
        if not node.get("width", "").isdigit():
            yield _picture(node), "A picture has no numeric width.", "Add width in pixels."


@rule("picture-not-https", "error")
def picture_not_https(case: Case) -> Says:
    """Gmail strips pictures within the mail (data:); clients refuse those not on https."""
    for node in case.named("img"):
        if not node.get("src", "").startswith("https://"):
            yield _picture(node), "A picture is not on https.", "Give it an https address."


@rule("picture-is-svg", "warning")
def picture_is_svg(case: Case) -> Says:
    """Gmail and Outlook show no SVG."""
    for node in case.named("img"):
        if re.split("[?#]", node.get("src", ""))[0].lower().endswith(".svg"):
            yield _picture(node), "A picture is an SVG.", "Use PNG or JPEG."


@rule("tracking-pixel", "warning")
def tracking_pixel(case: Case) -> Says:
    """A picture of one pixel watches who opens the mail; in the EU that needs consent."""
    for node in case.named("img"):
        if {node.get("width"), node.get("height")} & {"0", "1"}:
            yield _picture(node), "A picture has the size of one pixel.", "Take it out."


@rule("pictures-only", "warning")
def pictures_only(case: Case) -> Says:
    """Filters distrust a mail of pictures with little text, and with pictures off it is empty."""
    words = len(case.shown.split())
    if case.named("img") and words < 50 * len(case.named("img")):
        yield (
            "html",
            f"The mail has {len(case.named('img'))} pictures and {words} words.",
            "Say in text what the pictures show.",
        )


@rule("link-without-text", "error")
def link_without_text(case: Case) -> Says:
    """A link without text or a described picture cannot be seen, nor heard."""
    for url, node in case.anchors:
        alts = "".join(image.get("alt") or "" for image in node.iter("img"))
        if not (node.text_content() + alts).strip():
            yield f"link to {url[:60]}", "A link has no text.", "Write what it leads to."


@rule("link-vague", "warning")
def link_vague(case: Case) -> Says:
    """Read out by itself, "click here" says nothing; filters know it, too."""
    for url, node in case.anchors:
        if " ".join(node.text_content().split()).casefold().strip(".… →›") in VAGUE:
            yield (
                f"link to {url[:60]}",
                f"A link is called “{node.text_content().strip()}”.",
                "Name what it leads to.",
            )


@rule("link-relative", "error")
def link_relative(case: Case) -> Says:
    """In a mail there is no page that an address could be relative to."""
    for url, _ in case.anchors:
        if not re.match(r"(https?://|mailto:|tel:|#)", url):
            yield f"link to {url[:60]}", f"{url!r} is no full address.", "Write it with https://."


@rule("link-says-another", "warning")
def link_says_another(case: Case) -> Says:
    """A link that shows one address and leads to another is taken for phishing."""
    for url, node in case.anchors:
        text = node.text_content().strip()
        said = re.fullmatch(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(/\S*)?", text.lower())
        host = host_of(url).removeprefix("www.")
        if said and host and said[1].removeprefix("www.") != host:
            yield (
                f"link to {url[:60]}",
                f"A link that says {text} leads to {host}.",
                "Let it show a name instead of an address.",
            )


@rule("element-names-odd", "warning")
def element_names_odd(case: Case) -> Says:
    """Unknown elements are thrown away by webmail, sometimes with what stands in them."""
    for name in dict.fromkeys(tag(node) for node in case.elements):
        if "-" in name or name in {"font", "center", "marquee", "blink"}:
            yield "html", f"The mail contains <{name}>.", f"Use a styled element in {TEMPLATE}."


def _within(node: HtmlElement, name: str) -> bool:
    return any(True for _ in node.iterancestors(name))


def _own_text(node: HtmlElement) -> str:
    return "".join(_pieces(node)).replace("\u00a0", " ").strip()


def _pieces(node: HtmlElement) -> Iterator[str]:
    yield node.text or ""
    yield from (child.tail or "" for child in node)


def _picture(node: HtmlElement) -> str:
    return f"picture {node.get('src', '')[:60]}"
