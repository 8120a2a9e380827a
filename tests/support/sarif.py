"""What OASIS SARIF 2.1.0 demands of the objects that a check writes, as a JSON Schema.

From the text of the specification (sections 3.13 sarifLog, 3.14 run, 3.18 tool, 3.19 toolComponent,
3.27 result, 3.28 location, 3.29 physicalLocation, 3.30 region, 3.33 logicalLocation, 3.49
reportingDescriptor): only members that are written have a row, and no others may appear.
"""


def record(required, **properties):
    return {"type": "object", "required": required, "properties": properties,
            "additionalProperties": False}


def array(items, **more):
    return {"type": "array", "items": items, **more}


TEXT = {"type": "string", "minLength": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
URI_REFERENCE = {"type": "string",
                 "pattern": r"^(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#\[\]-]|%[0-9A-Fa-f]{2})+$"}
MESSAGE = record(["text"], text=TEXT)

ARTIFACT_LOCATION = record(["uri"], uri=URI_REFERENCE)
# A column needs its line.
REGION = record(["startLine"], startLine={"type": "integer", "minimum": 1},
                startColumn={"type": "integer", "minimum": 1})
PHYSICAL_LOCATION = record(["artifactLocation"], artifactLocation=ARTIFACT_LOCATION, region=REGION)
LOCATION = {**record([], physicalLocation=PHYSICAL_LOCATION,
                     logicalLocations=array(record(["fullyQualifiedName"],
                                                   fullyQualifiedName=TEXT), minItems=1)),
            "minProperties": 1}

RESULT = record(["message"], ruleId=TEXT, ruleIndex={"type": "integer", "minimum": 0}, level=LEVEL,
                message=MESSAGE, locations=array(LOCATION))

REPORTING_DESCRIPTOR = record(["id"], id=TEXT, shortDescription=MESSAGE,
                              defaultConfiguration=record([], level=LEVEL))
DRIVER = record(["name"], name=TEXT, version=TEXT,
                rules=array(REPORTING_DESCRIPTOR, uniqueItems=True))
RUN = record(["tool"], tool=record(["driver"], driver=DRIVER), results=array(RESULT),
             columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]})

LOG = {"$schema": "https://json-schema.org/draft/2020-12/schema",
       **record(["version", "runs"], version={"const": "2.1.0"}, runs=array(RUN),
                **{"$schema": {"type": "string", "pattern": "^https://"}})}
