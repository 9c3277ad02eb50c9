"""Frameworks whose runs come as spans: the lines of OpenTelemetry, and what each needs beside them."""

from __future__ import annotations

from collections.abc import Sequence

from events.views.connect.frameworks.framework import MADE_NOW, NAMES_ONLY, OFF, ON, Framework, Step

_OTEL = "pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http"
_POINT = Step(
    "Point it here",
    """\
export OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20{token}"
export OTEL_SERVICE_NAME=my-agents""",
    note=MADE_NOW,
)
_RUN = Step("Run your script", "opentelemetry-instrument python my_agents.py")
_GENAI_CONTENT = Step(
    "Switch content on",
    """\
export OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY""",
    words=f"Without these two lines {NAMES_ONLY}",
    warning=OFF,
)
_OPENINFERENCE_CONTENT = Step(
    "Content",
    """\
export OPENINFERENCE_HIDE_INPUTS=true
export OPENINFERENCE_HIDE_OUTPUTS=true""",
    words=f"Messages, arguments and results are sent. With these two lines {NAMES_ONLY}",
    note=ON,
    is_command=False,
)
_OTHER_MODELS = "The second package shows the calls of OpenAI’s models; for other models, take that of their library."


def _install(*commands: str, words: str = "") -> Step:
    return Step("Install", "\n".join((_OTEL, *commands)), words=words)


_LANGGRAPH = Framework(
    "langgraph",
    "LangGraph",
    "by span",
    "LangGraph by OpenTelemetry",
    "GenAI conventions, checked with LangGraph 1.2.24 and instrumentation 1.3b0",
    (_install("pip install opentelemetry-instrumentation-genai-langchain"), _POINT, _GENAI_CONTENT, _RUN),
    "LangGraph’s own retries of a node, and the graph’s state at each step.",
    fuller="langgraph-adapter",
)
_PYDANTIC_AI = Framework(
    "pydantic-ai",
    "pydantic-ai",
    "built in",
    "pydantic-ai by OpenTelemetry",
    "its own instrumentation, checked with pydantic-ai 2.68.0",
    (
        _install(),
        Step("Add to your script", "from pydantic_ai import Agent\n\nAgent.instrument_all()", is_command=False),
        _POINT,
        Step(
            "Content",
            """\
from pydantic_ai.models.instrumented import InstrumentationSettings

Agent.instrument_all(InstrumentationSettings(include_content=False))""",
            words=f"Messages, arguments and results are sent. If the script has these lines instead, {NAMES_ONLY}",
            note=ON,
            is_command=False,
        ),
        _RUN,
    ),
    "the dependencies and the state that you give to a run.",
)
_CREWAI = Framework(
    "crewai",
    "CrewAI",
    "by span",
    "CrewAI by OpenTelemetry",
    "OpenInference, checked with CrewAI 1.15.30 and instrumentation 1.1.21",
    (
        _install(
            "pip install openinference-instrumentation-crewai openinference-instrumentation-openai", words=_OTHER_MODELS
        ),
        _POINT,
        _OPENINFERENCE_CONTENT,
        _RUN,
    ),
    "CrewAI’s memory and knowledge, and its guardrails.",
    fuller="crewai-adapter",
)
_ADK = Framework(
    "google-adk",
    "Google ADK",
    "built in",
    "Google ADK by OpenTelemetry",
    "its own instrumentation, checked with google-adk 2.13.0",
    (_install(), _POINT, _GENAI_CONTENT, _RUN),
    "changes of the session’s state. A session is one workflow, with all its invocations.",
)
_SMOLAGENTS = Framework(
    "smolagents",
    "smolagents",
    "by span",
    "smolagents by OpenTelemetry",
    "OpenInference, checked with smolagents 1.26.0 and instrumentation 0.1.43",
    (
        _install("pip install openinference-instrumentation-smolagents"),
        _POINT,
        _OPENINFERENCE_CONTENT,
        _RUN,
    ),
    "the name of the first agent, unless it has one, and the tools that a code agent calls within a step of code.",
)
_LLAMAINDEX = Framework(
    "llamaindex",
    "LlamaIndex",
    "by span",
    "LlamaIndex by OpenTelemetry",
    "GenAI conventions, checked with llama-index-core 0.14.25 and instrumentations 1.3b0",
    (
        _install(
            "pip install opentelemetry-instrumentation-genai-llama-index opentelemetry-instrumentation-genai-openai",
            words=_OTHER_MODELS,
        ),
        _POINT,
        _GENAI_CONTENT,
        _RUN,
    ),
    "the steps and the context of a workflow of your own.",
)
_VERCEL = Framework(
    "vercel-ai",
    "Vercel AI",
    "built in",
    "Vercel AI SDK by OpenTelemetry",
    "GenAI conventions, checked with ai 7.0.173 and @ai-sdk/otel 1.0.173",
    (
        Step("Install", "npm install @ai-sdk/otel @opentelemetry/sdk-node @opentelemetry/api"),
        Step(
            "Make a file instrument.mjs",
            """\
import { NodeSDK } from "@opentelemetry/sdk-node";
import { OpenTelemetry } from "@ai-sdk/otel";
import { registerTelemetry } from "ai";

const sdk = new NodeSDK();
sdk.start();
registerTelemetry(new OpenTelemetry());
process.once("beforeExit", () => sdk.shutdown());""",
            is_command=False,
        ),
        _POINT,
        Step(
            "Name your agents, and choose what is sent",
            """\
generateText({
  telemetry: { functionId: "router", recordInputs: true, recordOutputs: true },
  // … model, prompt and tools as before
});""",
            words="Inputs and outputs are sent unless you say false here. The functionId is the agent’s name.",
            note=ON,
            is_command=False,
        ),
        Step("Run your script", "node --import ./instrument.mjs my-agents.mjs"),
    ),
    "the parts of a stream: a reply arrives as a whole.",
)
_AGENT_FRAMEWORK = Framework(
    "agent-framework",
    "Agent Framework",
    "built in",
    "Microsoft Agent Framework by OpenTelemetry",
    "its own instrumentation, checked with agent-framework-core 1.23.0",
    (
        _install(),
        _POINT,
        Step("Switch its spans on", "export ENABLE_INSTRUMENTATION=true"),
        Step(
            "Switch content on",
            "export ENABLE_SENSITIVE_DATA=true",
            words=f"Without this line {NAMES_ONLY}",
            warning=OFF,
        ),
        _RUN,
    ),
    "the state of a workflow’s executors.",
)
_OPENAI_AGENTS = Framework(
    "openai-agents",
    "OpenAI Agents",
    "by span",
    "OpenAI Agents SDK by OpenTelemetry",
    "GenAI conventions, checked with openai-agents 0.24.0 and instrumentations 1.3b0",
    (
        _install(
            "pip install opentelemetry-instrumentation-genai-openai-agents opentelemetry-instrumentation-genai-openai",
            words=_OTHER_MODELS,
        ),
        _POINT,
        _GENAI_CONTENT,
        _RUN,
    ),
    "why a tool failed: its span has the answer that the model got. (The SDK sends its own traces to its vendor, too.)",
    fuller="openai-agents-adapter",
)
_AUTOGEN = Framework(
    "autogen",
    "AutoGen",
    "by span",
    "AutoGen by OpenTelemetry",
    "OpenInference, checked with autogen-agentchat 0.7.5 and instrumentation 0.1.22",
    (
        _install("pip install openinference-instrumentation-autogen-agentchat"),
        _POINT,
        _OPENINFERENCE_CONTENT,
        _RUN,
    ),
    "what a team’s manager decides. Messages of its runtime become small runs of their own.",
    fuller="autogen-adapter",
)
_OTLP = Framework(
    "otlp",
    "Anything else",
    "OTLP",
    "Anything that speaks OpenTelemetry",
    "OTLP over HTTP, protobuf or JSON; GenAI, OpenInference, OpenLLMetry and Vercel AI conventions",
    (
        _POINT,
        _GENAI_CONTENT,
        Step(
            "Or send to it from a collector",
            """\
exporters:
  otlphttp:
    endpoint: {endpoint}
    headers: { authorization: "Bearer {token}" }""",
            words="A collector takes gRPC from your applications, and sends it on over HTTP. (In its file, a variable"
            " is written ${env:NAME}.)",
            is_command=False,
        ),
    ),
    "what spans do not tell. Those of no known convention become events with their name, time and attributes.",
)

BY_SPANS: Sequence[Framework] = (
    _LANGGRAPH,
    _PYDANTIC_AI,
    _CREWAI,
    _ADK,
    _SMOLAGENTS,
    _LLAMAINDEX,
    _VERCEL,
    _AGENT_FRAMEWORK,
    _OPENAI_AGENTS,
    _AUTOGEN,
    _OTLP,
)
