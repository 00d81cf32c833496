"""Requests of the peer: whether each is served, by which revision, and what is said at once."""

from tests.model.due import (
    Pattern,
    answered,
    described,
    fits,
    holding,
    note,
    refused,
)
from tests.model.lines import Read
from tests.model.shapes import fits_params
from tests.model.state import SILENCE, Group, State, Theirs, tag
from tests.model.words import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    FILTERS,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LEVELS,
    LOG_LEVEL,
    METHOD_NOT_FOUND,
    MODERN,
    NUMBERS,
    REQUESTS,
    REVISIONS,
    SUBSCRIPTION,
    UNSUPPORTED_VERSION,
    VERSION,
    Json,
    as_object,
    asked_of_client,
    declared_in,
    has,
    introduced_in,
    legible,
    sends,
    takes,
)


class HearsRequests(State):
    """The part of a peer that is asked."""

    def asked(self, it: Read, group: Group | None) -> None:
        pinged = it.method == "ping" and self.legacy and self.adopted is None
        if not self.may_be_asked and not pinged:
            self.tell(("fault", None))
            self.may_also([refused(it.id, None)], where="a legacy server asks too early")
            return
        if tag(it.id) in self.theirs:
            # An error with this id would answer the request that has it (decided: id-less).
            self.object_to(INVALID_REQUEST, group, asks=True)
            return
        meta: Json = {}
        if isinstance((it.params or {}).get("_meta"), dict):
            meta = (it.params or {})["_meta"]
        # Versioning: a request with modern `_meta` is served by the modern revision. Half of it is
        # enough to be judged by (decided).
        enveloped = VERSION in meta or CLIENT_CAPABILITIES in meta
        if self.strict and not enveloped:
            # Base Protocol, up to revision 4: an id is used once in a session.
            if tag(it.id) in self.met:
                self.refuse(it, INVALID_REQUEST, group)
                self.tell(("fault", None))
                return
            self.met.add(tag(it.id))
        if self.role == "server" and self.modern and enveloped:
            self.asked_modern(it, meta, group)
        elif it.method == "initialize" and self.role == "server":
            self.asked_initialize(it, group)
        else:
            self.asked_legacy(it, group)

    def refuse(self, it: Read, code: int, group: Group | None, data: Pattern = None) -> None:
        self.say(refused(it.id, code, data), group)

    def asked_modern(self, it: Read, meta: Json, group: Group | None) -> None:
        version, declared = meta.get(VERSION), meta.get(CLIENT_CAPABILITIES)
        if isinstance(version, str) and version != REVISIONS[MODERN]:
            # Versioning › Protocol Version Negotiation. A legacy date is reached by `initialize`
            # alone (decided).
            spoken = self.supported()
            data = described(
                "the versions",
                lambda value: fits(spoken, value) and fits(holding(requested=version[:64]), value),
            )
            self.refuse(it, UNSUPPORTED_VERSION, group, data)
            return
        if not is_envelope(meta):
            # Base Protocol › `_meta`: a required field is missing: -32602. What is in the optional
            # ones, and deep in the others, is judged likewise (decided).
            self.refuse(it, INVALID_PARAMS, group)
            if isinstance(version, str) and as_object(declared) is not None:
                self.may_also(SILENCE, where="no page judges what is optional in an envelope")
            return
        name = it.method
        gate = takes(name, MODERN)
        mine = declared_in(self.has, MODERN, self.role)
        known = name in REQUESTS and sends("client", name, MODERN)
        if not known or (gate is not None and not has(mine, gate)):
            spoken = self.supported() if name == "initialize" else None
            self.refuse(it, METHOD_NOT_FOUND, group, spoken)
            return
        if not fits_params(name, it.params, MODERN):
            self.refuse(it, INVALID_PARAMS, group)
            return
        if group is not None:
            # stdio: each message is a single request, notification or response. It is refused as
            # a member of a batch that a legacy session allows (decided).
            self.refuse(it, INVALID_REQUEST, group)
            return
        served = self.served(it, MODERN, declared or {}, meta)
        served.level, served.asker = meta.get(LOG_LEVEL), meta.get(CLIENT_INFO)
        if name == "server/discover":
            found = {"supportedVersions": self.versions, "capabilities": mine, **self.advice}
            self.due.said.append(answered(it.id, self.stamped(served, found)))
        elif name == "subscriptions/listen":
            self.asked_to_listen(served)
        else:
            self.serve(served)

    def asked_to_listen(self, served: Theirs) -> None:
        # Subscriptions › Acknowledgment: first of all, the part that will be honoured.
        wanted: Json = served.params["notifications"]
        mine = declared_in(self.has, MODERN, self.role)
        honoured: Json = {
            key: list(dict.fromkeys(wanted[key])) if key == "resourceSubscriptions" else True
            for key, capability in FILTERS.items()
            if wanted.get(key) and has(mine, capability)
        }
        listening = sum(one.listens is not None for one in self.theirs.values())
        if listening >= self.bounds.listening:
            self.say(refused(served.id, INTERNAL_ERROR, holding(retryable=True)), None)
            self.may_also([refused(served.id, None)], where="how much is borne is not specified")
            return
        if len(honoured.get("resourceSubscriptions", ())) > self.bounds.watched:
            self.say(refused(served.id, INVALID_PARAMS), None)
            return
        served.listens = honoured
        self.theirs[tag(served.id)] = served
        params = {"notifications": honoured, "_meta": {SUBSCRIPTION: served.id}}
        self.due.said.append(note("notifications/subscriptions/acknowledged", params))
        self.tell(("acknowledged", tag(served.id), honoured))

    def asked_initialize(self, it: Read, group: Group | None) -> None:
        if group is not None or self.phase != "new":
            # Lifecycle: never part of a batch; a second one is refused (decided).
            self.refuse(it, INVALID_REQUEST, group)
            self.may_also([refused(it.id, None)], where="Lifecycle names no code for either")
            return
        if not self.legacy:
            # Versioning: a modern server SHOULD name its versions to whoever initializes.
            self.refuse(it, METHOD_NOT_FOUND, group, self.supported())
            self.may_also([refused(it.id, None)], where="the code is implementation-defined")
            return
        params = it.params or {}
        wanted = NUMBERS.get(str(params.get("protocolVersion")))
        revision = wanted if wanted in self.legacy and wanted else max(self.legacy)
        if not fits_params("initialize", params, revision):
            self.refuse(it, INVALID_PARAMS, group)
            return
        self.phase, self.agreed, self.peer = "opened", revision, params["capabilities"]
        self.introduced = params["clientInfo"]
        result: Json = {
            "protocolVersion": REVISIONS[revision],
            "capabilities": declared_in(self.has, revision, self.role),
            "serverInfo": introduced_in(self.info, revision),
            **self.advice,
        }
        self.due.said.append(answered(it.id, result))

    def asked_legacy(self, it: Read, group: Group | None) -> None:
        name = it.method
        revision = self.agreed if self.established else None
        if revision is None:
            if name != "ping" or not self.legacy:
                self.nothing_agreed(it, group)
                return
            revision = max(self.legacy)  # Ping: "the receiver MUST respond promptly"
        gate = takes(name, revision)
        mine = declared_in(self.has, revision, self.role)
        known = name in REQUESTS and sends(self.other, name, revision)
        if not known or (gate is not None and not has(mine, gate)):
            self.refuse(it, METHOD_NOT_FOUND, group)
            return
        # Lifecycle forbids nothing between the answer to `initialize` and
        # `notifications/initialized` that a server could not serve: it is served (decided).
        params = it.params or {}
        if self.phase == "opened" and name != "ping":
            self.may_also([refused(it.id, INVALID_REQUEST)], where="it may insist on readiness")
            if self.strict:
                self.refuse(it, INVALID_REQUEST, group)
                return
        if not fits_params(name, params, revision):
            self.refuse(it, INVALID_PARAMS, group)
            return
        if self.role == "client":
            more = asked_of_client(name, params, revision)
            if more is not None and not has(mine, more):
                self.refuse(it, INVALID_PARAMS, group)
                self.may_also(
                    [refused(it.id, METHOD_NOT_FOUND)], where="sampling names no code for this"
                )
                return
        if name == "ping":
            self.say(answered(it.id, {}), group)
        elif name == "logging/setLevel":
            self.level = params["level"]
            self.say(answered(it.id, {}), group)
        elif name in ("resources/subscribe", "resources/unsubscribe"):
            uri = params["uri"]
            full = len(self.subscribed) >= self.bounds.watched and uri not in self.subscribed
            if full and name == "resources/subscribe":
                self.refuse(it, INTERNAL_ERROR, group)
                return
            self.subscribed = [one for one in self.subscribed if one != uri]
            if name == "resources/subscribe":
                self.subscribed.append(uri)
            self.say(answered(it.id, {}), group)
            self.tell(("heard", name, None, params))
        else:
            served = self.served(it, revision, self.peer, params.get("_meta") or {})
            served.asker = self.introduced
            served.group = group
            self.serve(served)

    def nothing_agreed(self, it: Read, group: Group | None) -> None:
        # Lifecycle names no code; Base Protocol of revision 5 does for an absent `_meta`.
        dual = self.role == "server" and self.modern
        code = INVALID_PARAMS if dual else INVALID_REQUEST
        self.refuse(it, code, group, self.supported() if self.role == "server" else None)
        if not dual or self.legacy:
            self.may_also([refused(it.id, None)], SILENCE, where="Lifecycle names no answer")

    def served(self, it: Read, revision: int, peer: Json, meta: Json) -> Theirs:
        token = meta.get("progressToken")
        params = it.params or {}
        return Theirs(it.id, it.method, revision, params, peer, token if legible(token) else None)

    def serve(self, served: Theirs) -> None:
        if self.serving >= self.bounds.serving:
            failure = refused(served.id, INTERNAL_ERROR, holding(retryable=True))
            self.say(failure, served.group)
            self.may_also([refused(served.id, None)], where="how much is borne is not specified")
            return
        self.theirs[tag(served.id)] = served
        self.tell(("asked", tag(served.id), served.method))


def is_envelope(meta: Json) -> bool:
    """Whether a modern `_meta` is whole: the version that it names, if any, is the right one."""
    declared, info = as_object(meta.get(CLIENT_CAPABILITIES)), meta.get(CLIENT_INFO)
    if not isinstance(meta.get(VERSION), str) or declared is None:
        return False
    objects = ("roots", "sampling", "elicitation", "experimental", "extensions")
    if any(key in declared and as_object(declared[key]) is None for key in objects):
        return False
    if info is not None:
        known = as_object(info) or {}
        if not all(isinstance(known.get(key), str) for key in ("name", "version")):
            return False
    level = meta.get(LOG_LEVEL)
    # Logging › Error Handling: an unknown level SHOULD be refused with -32602.
    return level is None or level in LEVELS
