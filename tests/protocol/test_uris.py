"""URI templates: every example of RFC 6570, and matching as the inverse of expanding."""

import re
import string
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.uris import TemplateError, UriTemplate, is_uri

# RFC 6570, section 3.2 (the variables of sections 1.2 and 2.4 among them).
VARIABLES: dict[str, Any] = {
    "count": ["one", "two", "three"],
    "dom": ["example", "com"],
    "dub": "me/too",
    "hello": "Hello World!",
    "half": "50%",
    "var": "value",
    "who": "fred",
    "base": "http://example.com/home/",
    "path": "/foo/bar",
    "list": ["red", "green", "blue"],
    "keys": {"semi": ";", "dot": ".", "comma": ","},
    "v": "6",
    "x": "1024",
    "y": "768",
    "empty": "",
    "empty_keys": {},
    "undef": None,
}

EXAMPLES = {
    # 1.2 Levels and Expression Types: level 1
    "{var}": "value",
    "{hello}": "Hello%20World%21",
    # level 2
    "{+var}": "value",
    "{+hello}": "Hello%20World!",
    "{+path}/here": "/foo/bar/here",
    "here?ref={+path}": "here?ref=/foo/bar",
    "X{#var}": "X#value",
    "X{#hello}": "X#Hello%20World!",
    # level 3
    "map?{x,y}": "map?1024,768",
    "{x,hello,y}": "1024,Hello%20World%21,768",
    "{+x,hello,y}": "1024,Hello%20World!,768",
    "{+path,x}/here": "/foo/bar,1024/here",
    "{#x,hello,y}": "#1024,Hello%20World!,768",
    "{#path,x}/here": "#/foo/bar,1024/here",
    "X{.var}": "X.value",
    "X{.x,y}": "X.1024.768",
    "{/var}": "/value",
    "{/var,x}/here": "/value/1024/here",
    "{;x,y}": ";x=1024;y=768",
    "{;x,y,empty}": ";x=1024;y=768;empty",
    "{?x,y}": "?x=1024&y=768",
    "{?x,y,empty}": "?x=1024&y=768&empty=",
    "?fixed=yes{&x}": "?fixed=yes&x=1024",
    "{&x,y,empty}": "&x=1024&y=768&empty=",
    # level 4
    "{var:3}": "val",
    "{var:30}": "value",
    "{list}": "red,green,blue",
    "{list*}": "red,green,blue",
    "{keys}": "semi,%3B,dot,.,comma,%2C",
    "{keys*}": "semi=%3B,dot=.,comma=%2C",
    "{+path:6}/here": "/foo/b/here",
    "{+list}": "red,green,blue",
    "{+list*}": "red,green,blue",
    "{+keys}": "semi,;,dot,.,comma,,",
    "{+keys*}": "semi=;,dot=.,comma=,",
    "{#path:6}/here": "#/foo/b/here",
    "{#list}": "#red,green,blue",
    "{#list*}": "#red,green,blue",
    "{#keys}": "#semi,;,dot,.,comma,,",
    "{#keys*}": "#semi=;,dot=.,comma=,",
    "X{.var:3}": "X.val",
    "X{.list}": "X.red,green,blue",
    "X{.list*}": "X.red.green.blue",
    "X{.keys}": "X.semi,%3B,dot,.,comma,%2C",
    "X{.keys*}": "X.semi=%3B.dot=..comma=%2C",
    "{/var:1,var}": "/v/value",
    "{/list}": "/red,green,blue",
    "{/list*}": "/red/green/blue",
    "{/list*,path:4}": "/red/green/blue/%2Ffoo",
    "{/keys}": "/semi,%3B,dot,.,comma,%2C",
    "{/keys*}": "/semi=%3B/dot=./comma=%2C",
    "{;hello:5}": ";hello=Hello",
    "{;list}": ";list=red,green,blue",
    "{;list*}": ";list=red;list=green;list=blue",
    "{;keys}": ";keys=semi,%3B,dot,.,comma,%2C",
    "{;keys*}": ";semi=%3B;dot=.;comma=%2C",
    "{?var:3}": "?var=val",
    "{?list}": "?list=red,green,blue",
    "{?list*}": "?list=red&list=green&list=blue",
    "{?keys}": "?keys=semi,%3B,dot,.,comma,%2C",
    "{?keys*}": "?semi=%3B&dot=.&comma=%2C",
    "{&var:3}": "&var=val",
    "{&list}": "&list=red,green,blue",
    "{&list*}": "&list=red&list=green&list=blue",
    "{&keys}": "&keys=semi,%3B,dot,.,comma,%2C",
    "{&keys*}": "&semi=%3B&dot=.&comma=%2C",
    # 3.2.1 Variable Expansion
    "{count}": "one,two,three",
    "{count*}": "one,two,three",
    "{/count}": "/one,two,three",
    "{/count*}": "/one/two/three",
    "{;count}": ";count=one,two,three",
    "{;count*}": ";count=one;count=two;count=three",
    "{?count}": "?count=one,two,three",
    "{?count*}": "?count=one&count=two&count=three",
    "{&count*}": "&count=one&count=two&count=three",
    # 3.2.2 Simple String Expansion
    "{half}": "50%25",
    "O{empty}X": "OX",
    "O{undef}X": "OX",
    "{x,y}": "1024,768",
    "?{x,empty}": "?1024,",
    "?{x,undef}": "?1024",
    "?{undef,y}": "?768",
    # 3.2.3 Reserved Expansion
    "{+half}": "50%25",
    "{base}index": "http%3A%2F%2Fexample.com%2Fhome%2Findex",
    "{+base}index": "http://example.com/home/index",
    "O{+empty}X": "OX",
    "O{+undef}X": "OX",
    "up{+path}{var}/here": "up/foo/barvalue/here",
    # 3.2.4 Fragment Expansion
    "{#var}": "#value",
    "{#hello}": "#Hello%20World!",
    "{#half}": "#50%25",
    "foo{#empty}": "foo#",
    "foo{#undef}": "foo",
    # 3.2.5 Label Expansion with Dot-Prefix
    "{.who}": ".fred",
    "{.who,who}": ".fred.fred",
    "{.half,who}": ".50%25.fred",
    "www{.dom*}": "www.example.com",
    "X{.empty}": "X.",
    "X{.undef}": "X",
    "X{.empty_keys}": "X",
    "X{.empty_keys*}": "X",
    # 3.2.6 Path Segment Expansion
    "{/who}": "/fred",
    "{/who,who}": "/fred/fred",
    "{/half,who}": "/50%25/fred",
    "{/who,dub}": "/fred/me%2Ftoo",
    "{/var,empty}": "/value/",
    "{/var,undef}": "/value",
    # 3.2.7 Path-Style Parameter Expansion
    "{;who}": ";who=fred",
    "{;half}": ";half=50%25",
    "{;empty}": ";empty",
    "{;v,empty,who}": ";v=6;empty;who=fred",
    "{;v,bar,who}": ";v=6;who=fred",
    "{;x,y,undef}": ";x=1024;y=768",
    # 3.2.8 Form-Style Query Expansion
    "{?who}": "?who=fred",
    "{?half}": "?half=50%25",
    "{?x,y,undef}": "?x=1024&y=768",
    # 3.2.9 Form-Style Query Continuation
    "{&who}": "&who=fred",
    "{&half}": "&half=50%25",
    "{&x,y,undef}": "&x=1024&y=768",
}

# 2.4.1 Prefix Values and 2.4.2 Composite Values have variables of their own.
OWN_EXAMPLES: list[tuple[str, dict[str, Any], str]] = [
    ("{var:20}", {"var": "value"}, "value"),
    ("{semi}", {"semi": ";"}, "%3B"),
    ("{semi:2}", {"semi": ";"}, "%3B"),
    (
        "/mapper{?address*}",
        {"address": {"city": "Newport Beach", "state": "CA"}},
        "/mapper?city=Newport%20Beach&state=CA",
    ),
    ("find{?year*}", {"year": ["1965", "2000", "2012"]}, "find?year=1965&year=2000&year=2012"),
    ("www{.dom*}", {"dom": ["example", "com"]}, "www.example.com"),
]


class TestExpand:
    @pytest.mark.parametrize("template", EXAMPLES)
    def test_the_examples_of_the_rfc(self, template: str) -> None:
        assert UriTemplate(template).expand(**VARIABLES) == EXAMPLES[template]

    @pytest.mark.parametrize(("template", "values", "uri"), OWN_EXAMPLES)
    def test_the_examples_of_section_2(
        self, template: str, values: dict[str, Any], uri: str
    ) -> None:
        assert UriTemplate(template).expand(**values) == uri

    @pytest.mark.parametrize(
        ("template", "values", "uri"),
        [
            # Literals are encoded where a URI does not allow them.
            ("café/{x}", {"x": 1}, "caf%C3%A9/1"),
            ("%20a%e9/'{x}'", {"x": 1}, "%20a%e9/'1'"),
            ("", {}, ""),
            # Single values.
            ("{x}{&y}", {"x": 1.5, "y": True}, "1.5&y=true"),
            ("{?x}", {"x": False}, "?x=false"),
            ("{x}", {"x": "\U0001f600"}, "%F0%9F%98%80"),
            # In a list or mapping, what is undefined is left out, and so is the whole of it.
            ("{?x}", {"x": ["a", None, "b"]}, "?x=a,b"),
            ("{?x*}", {"x": [None]}, ""),
            ("{?x}", {"x": []}, ""),
            ("{?x*}", {"x": {"a": None, "b": "c"}}, "?b=c"),
            ("{?x}", {"x": {"a": None}}, ""),
            ("{x*}", {"x": ("a", 2)}, "a,2"),
            # An empty member keeps its name.
            ("{?x*}", {"x": {"a": ""}}, "?a="),
            ("{;x*}", {"x": {"a": ""}}, ";a"),
            ("{;x*}", {"x": ["", "b"]}, ";x;x=b"),
            ("{x*}", {"x": {"a": ""}}, "a="),
            ("{;x}", {"x": [""]}, ";x"),
            ("{?x*}", {"x": {"ä b": "ö/"}}, "?%C3%A4%20b=%C3%B6%2F"),
            ("{+x*}", {"x": {"ä/": "ö/"}}, "%C3%A4/=%C3%B6/"),
            # Triplets pass where reserved characters do, and only whole ones.
            ("{+x}", {"x": "%41%zz%4%"}, "%41%25zz%254%25"),
            ("{+x}", {"x": "%é4"}, "%25%C3%A94"),
            ("{x}", {"x": "%41"}, "%2541"),
            # A prefix counts characters, never parts of an encoded one.
            ("{x:2}", {"x": "日本語"}, "%E6%97%A5%E6%9C%AC"),
            ("{x:1}", {"x": "\U0001f600!"}, "%F0%9F%98%80"),
            ("{+x:3}", {"x": "a%20bc"}, "a%20b"),
            ("{+x:4}", {"x": "%C3%a9%e6%97%A5%F0%9f%98%80xy"}, "%C3%a9%e6%97%A5%F0%9f%98%80x"),
            ("{#x:2}", {"x": "%ff%C3z"}, "#%ff%C3"),
            ("{+x:2}", {"x": "%zz"}, "%25z"),
            ("{x:2}", {"x": "%41b"}, "%254"),
            ("{x:9999}", {"x": "abc"}, "abc"),
            # Names.
            ("{a.b,%C3%A9,_1}", {"a.b": "1", "%C3%A9": "2", "_1": "3"}, "1,2,3"),
            ("{?%C3%A9}", {"%C3%A9": "2"}, "?%C3%A9=2"),
            ("{self}{template}", {"self": "a", "template": "b"}, "ab"),
        ],
    )
    def test_what_the_rfc_says_without_an_example(
        self, template: str, values: dict[str, Any], uri: str
    ) -> None:
        assert UriTemplate(template).expand(**values) == uri

    @pytest.mark.parametrize("value", [["a"], {"a": "b"}, [], {}])
    def test_a_list_or_mapping_has_no_prefix(self, value: Any) -> None:
        with pytest.raises(TemplateError, match="'x' cannot be expanded") as caught:
            UriTemplate("ab{?y,x:1}").expand(x=value)
        assert caught.value.position == 6

    def test_a_lone_surrogate_is_refused(self) -> None:
        with pytest.raises(TemplateError, match="'x' cannot be expanded"):
            UriTemplate("{x}").expand(x="\ud800")

    @given(st.text(), st.sampled_from(["{x}", "{+x}", "{?x}", "{/x*}", "{#x:3}", "a{;x}"]))
    def test_what_is_expanded_holds_characters_of_uris_only(self, value: str, text: str) -> None:
        assert is_uri("s:" + UriTemplate(text).expand(x=value).replace("#", ""))


class TestReading:
    @pytest.mark.parametrize(
        ("template", "position"),
        [
            ("{", 0),
            ("ab{c", 2),
            ("{a}{b", 3),
            ("a}", 1),
            ("{a}}", 3),
            ("{}", 1),
            ("{+}", 2),
            ("{a,}", 3),
            ("{,a}", 1),
            ("{a,,b}", 3),
            ("{/?id}", 2),
            ("{??id}", 2),
            ("{a b}", 2),
            ("{ a}", 1),
            ("{a }", 2),
            ("{a{b}}", 2),
            ("{=a}", 1),
            ("{!a}", 1),
            ("{@a}", 1),
            ("{|a}", 1),
            ("{$a}", 1),
            ("{-join|&|a}", 1),
            ("{~a}", 1),
            ("{a-b}", 2),
            ("{a?}", 2),
            ("{a=b}", 2),
            ("{a.}", 2),
            ("{.a..b}", 3),
            ("{%2x}", 1),
            ("{a%}", 2),
            ("{é}", 1),
            ("{a:}", 2),
            ("{a:0}", 2),
            ("{a:01}", 2),
            ("{a:10000}", 7),
            ("{a:b}", 2),
            ("{a:2*}", 4),
            ("{a*:2}", 3),
            ("a b", 1),
            ('"', 0),
            ("x<", 1),
            ("x>", 1),
            ("\\", 0),
            ("^", 0),
            ("`", 0),
            ("|", 0),
            ("a%", 1),
            ("%4", 0),
            ("%zz", 0),
            ("a\n", 1),
            ("\x7f", 0),
            ("\x85", 0),
            ("\ud800", 0),
        ],
    )
    def test_what_is_no_template_is_refused_with_the_place(
        self, template: str, position: int
    ) -> None:
        with pytest.raises(TemplateError) as caught:
            UriTemplate(template)
        assert caught.value.position == position
        assert caught.value.template == template
        assert caught.value.detail
        assert str(caught.value) == (
            f"{caught.value.detail}, at character {position} of {template!r}"
        )

    def test_an_operator_that_the_rfc_keeps_for_later_is_called_so(self) -> None:
        for operator in "=,!@|":
            with pytest.raises(TemplateError, match="is not defined yet"):
                UriTemplate(f"{{{operator}x}}")

    def test_a_template_is_its_text(self) -> None:
        template = UriTemplate("a/{b}{?c,b}")
        assert template == UriTemplate("a/{b}{?c,b}")
        assert template != UriTemplate("a/{b}")
        assert template != "a/{b}{?c,b}"
        assert len({template, UriTemplate("a/{b}{?c,b}")}) == 1
        assert str(template) == template.text == "a/{b}{?c,b}"
        assert repr(template) == "UriTemplate('a/{b}{?c,b}')"
        assert template.variables == ("b", "c")

    @given(st.text(st.sampled_from("{}ab/?+#*:,.%41é ")))
    def test_reading_is_total(self, text: str) -> None:
        try:
            UriTemplate.for_matching(text).match(text)
            UriTemplate(text).expand()
        except TemplateError as error:
            found = error.position
        else:
            found = 0
        assert 0 <= found <= len(text)


def match(template: str, uri: str) -> dict[str, str] | None:
    return UriTemplate.for_matching(template).match(uri)


class TestMatch:
    def test_a_lone_percent_sign_matches_nothing_also_beside_what_is_not_ascii(self) -> None:
        assert match("a%20:{+x}", "a%20:é5") == {"x": "é5"}
        assert match("a%20:{+x}", "a%20:é5%") is None

    @pytest.mark.parametrize(
        ("template", "uri", "values"),
        [
            # Level 1.
            ("file:///{path}", "file:///readme", {"path": "readme"}),
            ("users/{id}/posts/{n}", "users/7/posts/8", {"id": "7", "n": "8"}),
            ("{x}", "value", {"x": "value"}),
            ("{a}@{b}", "me@home", {"a": "me", "b": "home"}),
            ("{name}.txt", "a.txt.txt", {"name": "a.txt"}),
            ("{name}.txt/{b}", "a.txt/b", {"name": "a", "b": "b"}),
            ("v{n}/x", "v12/x", {"n": "12"}),
            ("plain", "plain", {}),
            ("", "", {}),
            # Level 2.
            ("file:///{+path}", "file:///a/b?c#d", {"path": "a/b?c#d"}),
            ("{+path}/v{n}.txt", "a/v1/v2.txt/v3.txt", {"path": "a/v1/v2.txt", "n": "3"}),
            ("{a}/{+b}/{c}", "1/2/3/4", {"a": "1", "b": "2/3", "c": "4"}),
            ("{a}x/y{+b}z/w{c}", "1x/y2z/w3", {"a": "1", "b": "2", "c": "3"}),
            ("a{+b}c", "abbcc", {"b": "bbc"}),
            ("doc{#part}", "doc#1/2", {"part": "1/2"}),
            ("{x}{#part}", "doc#1", {"x": "doc", "part": "1"}),
            # Level 3.
            ("map?{x,y}", "map?1024,768", {"x": "1024", "y": "768"}),
            ("{/a,b}/here", "/1/2/here", {"a": "1", "b": "2"}),
            ("{/a}{/b}", "/1/2", {"a": "1", "b": "2"}),
            ("x{.ext}", "x.tar.gz", {"ext": "tar.gz"}),
            ("{;x,y}", ";y=2;x", {"x": "", "y": "2"}),
            ("s{?q,r}", "s?q=1&r=2", {"q": "1", "r": "2"}),
            ("s{?q,r}", "s?r=2&q=1", {"q": "1", "r": "2"}),
            ("s{?q,r}", "s?r=2", {"r": "2"}),
            ("s{?q,r}", "s?q=", {"q": ""}),
            ("s{?q,r}", "s?q", {"q": ""}),
            ("s{?q,r}", "s", {}),
            ("s?a=b{&q,r}", "s?a=b&q=1", {"q": "1"}),
            ("{x}.txt{?v}", "a.txt?v=1", {"x": "a", "v": "1"}),
            ("{x}.txt{;p}", "a.txt;p=1", {"x": "a", "p": "1"}),
            ("{x}{;p}{?q}/", "a;p=1/", {"x": "a", "p": "1"}),
            ("{x}{;p}{?q}#{f}", "a?q=1#b", {"x": "a", "q": "1", "f": "b"}),
            # Percent-decoding.
            ("{x}", "%E6%97%A5%2f%2E%2e%2F", {"x": "日/../"}),
            ("{x,y}", "a%2Cb,c", {"x": "a,b", "y": "c"}),
            ("s{?q}", "s?q=a%26r%3Db+c", {"q": "a&r=b+c"}),
            ("{+x}", "a%20b", {"x": "a b"}),
            ("{x}", "%5Cn%5C%5Cx41", {"x": "\\n\\\\x41"}),
            ("{x}", "\\n\\x41%41", {"x": "\\n\\x41A"}),
            ("café/{x}", "caf%C3%A9/1", {"x": "1"}),
            ("a%20b/{x}", "a%20b/1", {"x": "1"}),
            # What should have been encoded, where it leaves no doubt.
            ("mail://{user}", "mail://me@example.com:25", {"user": "me@example.com:25"}),
            ("weather://{city}", "weather://New York", {"city": "New York"}),
            ("note://{x}", "note://日本%E8%AA%9E", {"x": "日本語"}),
            ("café/{x}", "café/éÀ", {"x": "éÀ"}),
            ("s{?q}", "s?q=a/b?c=d", {"q": "a/b?c=d"}),
        ],
    )
    def test_values_are_found(self, template: str, uri: str, values: dict[str, str]) -> None:
        found = match(template, uri)
        assert found is not None
        assert found == values
        assert list(found) == [name for name in UriTemplate(template).variables if name in found]

    @pytest.mark.parametrize(
        ("template", "uri"),
        [
            ("plain", "plain/"),
            ("plain", "plai"),
            ("a/{x}", "b/1"),
            ("a/{x}", "a/"),
            ("a/{x}", "a/1/2"),
            ("a/{x}", "a/1?2"),
            ("a/{x}", "a/1#2"),
            ("a/{x}/c", "a/1"),
            ("{x}.txt", ".txt"),
            ("{x}.txt", "a.txd"),
            ("{x}.txt", "a/b.txt"),
            ("{x,y}", "1"),
            ("{x,y}", "1,2,3"),
            ("{x,y}", ",2"),
            ("{a}@{b}", "me@home@work"),
            ("{a}@{b}", "me@home/work"),
            ("{+x}", ""),
            ("{+x}/v{n}", "/v1"),
            ("{+x}/v{n}", "a/v"),
            ("{+x}/v{n}", "a/w1"),
            ("a{+x}a", "aa"),
            ("a{+x}a", "a"),
            ("ab{+x}ba", "aba"),
            ("{a}/{+b}/{c}", "1/2"),
            ("doc{#part}", "doc"),
            ("doc{#part}", "doc#"),
            ("{/a,b}", "/1"),
            ("{/a,b}", "/1/2/3"),
            ("x{.ext}", "x"),
            ("s{?q}", "s?"),
            ("s{?q}", "s?r=1"),
            ("s{?q}", "s?q=1&q=2"),
            ("s{?q}", "s?q=1&"),
            ("s{?q}", "s?&q=1"),
            ("s{?q}", "s?=1"),
            ("s{?q}", "s?Q=1"),
            ("s{?q,r}", "s?q=1&r=2&q=3"),
            ("s{?q}", "s?q=1#f"),
            ("s{?q}", "s&q=1"),
            ("{;x}", ";x=1/2"),
            ("{x}", "%"),
            ("{x}", "%4"),
            ("{x}", "%zz"),
            ("{x}", "100%"),
            ("{x}", "%e9"),
            ("{x}", "%ED%A0%80"),
            ("{x}", "%x41"),
            ("{x}", "\ud800"),
            ("{?q,r}", "?q=1&r=%"),
            ("FILE:///{x}", "file:///a"),
        ],
    )
    def test_what_no_values_expand_to_is_not_matched(self, template: str, uri: str) -> None:
        assert match(template, uri) is None

    @pytest.mark.parametrize(
        ("template", "position", "one", "other"),
        [
            # Each has two sets of values for one URI, which is why there is no right answer.
            ("{a}{b}", 4, {"a": "1", "b": "23"}, {"a": "12", "b": "3"}),
            ("{a}-{b}", 5, {"a": "1", "b": "2-3"}, {"a": "1-2", "b": "3"}),
            ("{a}.b.{c}", 7, {"a": "1", "c": "2.b.3"}, {"a": "1.b.2", "c": "3"}),
            ("{a}%20{b}", 7, {"a": "1 2", "b": "3"}, {"a": "1", "b": "2 3"}),
            ("{.a,b}", 4, {"a": "1.2", "b": "3"}, {"a": "1", "b": "2.3"}),
            ("{a}{.b}", 5, {"a": "1.2", "b": "3"}, {"a": "1", "b": "2.3"}),
            ("{+a}{b}", 5, {"a": "1", "b": "23"}, {"a": "12", "b": "3"}),
            ("{a}{+b}", 5, {"a": "1", "b": "23"}, {"a": "12", "b": "3"}),
            ("{a}x{+b}", 6, {"a": "1x2", "b": "3"}, {"a": "1", "b": "2x3"}),
            ("{+a}x{b}", 6, {"a": "1x2", "b": "3"}, {"a": "1", "b": "2x3"}),
            ("{+a}/x/{+b}", 9, {"a": "1", "b": "2/x/3"}, {"a": "1/x/2", "b": "3"}),
            (
                "{+a}/{b}/{+c}",
                11,
                {"a": "1", "b": "2", "c": "3/4"},
                {"a": "1/2", "b": "3", "c": "4"},
            ),
            ("{+a,b}", 4, {"a": "1,2", "b": "3"}, {"a": "1", "b": "2,3"}),
            ("{#a,b}", 4, {"a": "1,2", "b": "3"}, {"a": "1", "b": "2,3"}),
            ("{+a}{#b}", 6, {"a": "1#2", "b": "3"}, {"a": "1", "b": "2#3"}),
            ("{+path}{?q}", 9, {"path": "1?q=2"}, {"path": "1", "q": "2"}),
            ("{?a}{b}", 2, {"a": "12", "b": "3"}, {"a": "1", "b": "23"}),
            ("{?a}{+b}", 2, {"b": "?a=1"}, {"a": "1"}),
        ],
    )
    def test_an_ambiguous_template_is_refused_with_the_place(
        self, template: str, position: int, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        with pytest.raises(TemplateError, match="cannot be told from") as caught:
            UriTemplate.for_matching(template)
        assert caught.value.position == position
        assert UriTemplate(template).expand(**one) == UriTemplate(template).expand(**other)

    @pytest.mark.parametrize(
        ("template", "position"),
        [
            ("{?q}x", 2),
            ("{?q}=", 2),
            ("{?q}?x", 2),
            ("{?q}&x", 2),
            ("{;q};x", 2),
            ("{?a}{&b}", 2),
            ("{;a}{;b}", 2),
            ("{?a}{;b}{&c}", 2),
            ("a{?a}{;b}x", 3),
        ],
    )
    def test_pairs_need_an_end_of_their_own(self, template: str, position: int) -> None:
        with pytest.raises(TemplateError, match="could belong to it") as caught:
            UriTemplate.for_matching(template)
        assert caught.value.position == position

    def test_the_error_names_both_variables_and_what_is_between_them(self) -> None:
        with pytest.raises(TemplateError) as caught:
            UriTemplate.for_matching("weather://{city}-{country}")
        assert str(caught.value) == (
            "'country' cannot be told from 'city': a value may hold '-' too, "
            "at character 18 of 'weather://{city}-{country}'"
        )
        with pytest.raises(TemplateError, match=r"'b' .* 'a': nothing stands between them"):
            UriTemplate.for_matching("{a}{b}")
        with pytest.raises(TemplateError, match=r"'b' .* 'a', which may hold any character"):
            UriTemplate.for_matching("{+a}/x/{+b}")

    def test_a_variable_that_occurs_twice_is_refused(self) -> None:
        with pytest.raises(TemplateError, match="'a' occurs twice") as caught:
            UriTemplate.for_matching("{a}/{b}/{?a}")
        assert caught.value.position == 10

    @pytest.mark.rule("T33")
    @pytest.mark.parametrize(
        ("template", "named"), [("{/a*}", r"'a\*'"), ("{?b,a*}", r"'a\*'"), ("{a:3}", "'a:3'")]
    )
    def test_level_4_is_expanded_but_not_matched(self, template: str, named: str) -> None:
        with pytest.raises(TemplateError, match=f"{named} can be expanded but not matched"):
            UriTemplate.for_matching(template)
        with pytest.raises(TemplateError, match="not matched"):
            UriTemplate(template).match("x")


text = st.text()
not_empty = st.text(min_size=1)
without_triplets = not_empty.filter(lambda t: not re.search("%[0-9A-Fa-f]{2}", t))


@st.composite
def matchable(draw: st.DrawFn) -> tuple[UriTemplate, dict[str, str]]:
    """Draw a template that can be matched, and values for it."""
    values: dict[str, str] = {}
    written = ""
    literals = st.sampled_from(["/", "x", ".txt", "-", "://", ",", "@v", "/é", "a%20/", ""])
    for _ in range(draw(st.integers(0, 5))):
        operator = draw(st.sampled_from(["", "", "+", "#", ".", "/", ";", "?", "&"]))
        names = [f"v{len(values) + n}" for n in range(draw(st.integers(1, 2)))]
        grown = f"{written}{draw(literals)}{{{operator}{','.join(names)}}}{draw(literals)}"
        try:
            UriTemplate.for_matching(grown)
        except TemplateError:
            continue
        written = grown
        value = {"+": without_triplets, "#": without_triplets} | dict.fromkeys(";?&", text)
        values |= {name: draw(value.get(operator, not_empty)) for name in names}
    optional = [name for name in values if re.search(rf"{{[;?&][^}}]*{name}\b", written)]
    for name in draw(st.sets(st.sampled_from(optional)) if optional else st.just(set[str]())):
        del values[name]
    return UriTemplate.for_matching(written), values


class TestProperties:
    @given(matchable())
    def test_matching_is_the_inverse_of_expanding(
        self, drawn: tuple[UriTemplate, dict[str, str]]
    ) -> None:
        template, values = drawn
        assert template.match(template.expand(**values)) == values

    @given(matchable(), st.text(st.sampled_from("/?#&;=,.@%20Aé-x:\\ v01")))
    def test_matching_is_total_and_what_it_finds_matches_again(
        self, drawn: tuple[UriTemplate, dict[str, str]], tail: str
    ) -> None:
        template, values = drawn
        for uri in (tail, template.expand(**values) + tail, tail + template.expand(**values)):
            found = template.match(uri)
            if found is not None:
                assert set(found) <= set(template.variables)
                again = template.match(template.expand(**found))
                # A value of {+x} that reads like a triplet is taken for one when it is expanded.
                assert again == found or any("%" in value for value in found.values())


@pytest.mark.cost
class TestCost:
    """CVE-2026-0621: a hostile URI must not keep the matcher busy."""

    @staticmethod
    def seconds(run: Callable[[], object], runs: int = 3) -> float:
        """The least processor time of some runs."""
        times: list[float] = []
        for _ in range(runs):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
        return min(times)

    HOSTILE = (
        ("file:///{a}/{b}", "file:///", "/"),
        ("file:///{a}/{b}", "file:///", "a"),
        ("{a}.txt", "", "a.txt"),
        ("{a}/x", "", "%41"),
        ("{+a}/v{n}.txt", "", "/v1.txt"),
        ("{+a}/x/{b}/y", "", "/x/y"),
        ("{a}/{+b}/{c}/d/{e}", "", "a/"),
        ("{/a,b,c,d,e,f}", "", "/a"),
        ("{a,b,c,d}", "", ","),
        ("{;a,b}{?c,d}#{e}", "", ";a=1"),
        ("s{?a,b}", "s?", "&"),
        ("s{?a,b}", "s?a=", "%C3%A9"),
        ("s{?a,b}", "s?a=", "="),
        ("{+a}", "", "%e9"),
        ("{a}", "", "é"),
        ("{a}", "", "\\x"),
    )

    @pytest.mark.rule("T33")
    @pytest.mark.parametrize(("template", "head", "repeated"), HOSTILE)
    def test_a_megabyte_of_hostile_uri_is_judged_in_milliseconds(
        self, template: str, head: str, repeated: str
    ) -> None:
        matcher = UriTemplate.for_matching(template)
        uri = head + repeated * (1_000_000 // len(repeated))
        # One run in twenty is enough: what it costs is asked, not how busy the machine is.
        assert any(self.seconds(lambda: matcher.match(uri), runs=1) < 0.05 for _ in range(20))

    @pytest.mark.rule("T33")
    def test_four_times_the_uri_takes_about_four_times_as_long(self) -> None:
        for template, head, repeated in self.HOSTILE:
            matcher = UriTemplate.for_matching(template)
            small = head + repeated * (250_000 // len(repeated))
            large = head + repeated * (1_000_000 // len(repeated))
            floor = 0.002  # too little to be told from noise
            spent = self.seconds(lambda m=matcher, u=small: m.match(u))  # type: ignore[misc]
            assert self.seconds(lambda m=matcher, u=large: m.match(u)) < 10 * max(spent, floor)  # type: ignore[misc]

    @pytest.mark.rule("T33")
    def test_a_large_template_is_read_in_linear_time(self) -> None:
        def read(count: int) -> None:
            template = UriTemplate.for_matching("".join(f"/{{v{n}}}" for n in range(count)))
            assert template.match("/x" * count) == {f"v{n}": "x" for n in range(count)}

        assert self.seconds(lambda: read(4_000)) < 10 * self.seconds(lambda: read(1_000))


@pytest.mark.rule("M0618-RES-07", "M1105-RES-12")
class TestUris:
    @pytest.mark.parametrize(
        "text",
        [
            "file:///a/b.txt",
            "http://user:pw@[::1]:80/a;b=c?d=e/f?#g/h?",
            "urn:isbn:0451450523",
            "a+b-c.1:",
            "x:%41%ff",
            "X:~_!$&'()*+,;=:@-._",
        ],
    )
    def test_these_are_uris(self, text: str) -> None:
        assert is_uri(text)

    @pytest.mark.parametrize(
        "text",
        [
            *("", ":", "a", "/a/b", "//host/a", "1a:b", "+a:b", "a b:c", "é:a", "a_b:c"),
            *("x:a b", "x:\n", "x:a\n", "x:é", 'x:"', "x:<>", "x:\\", "x:^", "x:`", "x:{}", "x:|"),
            *("x:%", "x:%4", "x:%zz", "x:#a#b", "x:#[", "x:\x00", "x:\x7f"),
        ],
    )
    def test_these_are_none(self, text: str) -> None:
        assert not is_uri(text)

    @pytest.mark.rule("T33")
    def test_a_hostile_text_is_judged_in_linear_time(self) -> None:
        for text in ("a" * 1_000_000, "x:" + "a%41" * 250_000 + "%", "x:" + "#" * 1_000_000):
            assert TestCost.seconds(lambda t=text: is_uri(t)) < 0.1  # type: ignore[misc]


def test_every_literal_of_ascii_is_a_character_of_uris() -> None:
    for character in map(chr, range(128)):
        try:
            expanded = UriTemplate(character).expand()
        except TemplateError:
            assert character in string.whitespace + '"%<>\\^`{|}' or not character.isprintable()
        else:
            assert expanded == character
