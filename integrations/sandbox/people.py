"""Invented people for the simulated practices: nobody here exists.

Telephone numbers end in 555-0100 to 555-0199, which is kept free for fiction in North America;
mail addresses are at example.com and example.org, which RFC 2606 keeps free.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE = _words(
    """
    Aaliyah Amelia Anjali Beatriz Carmen Chidinma Clara Eleni Fatima Freya Grace Hana Ingrid
    Isla Jasmine Layla Linh Margaret Mei Nadia Naomi Olga Priya Renée Rosa Ruth Siobhán Sofia
    Yuki Zoë
    """
)
MALE = _words(
    """
    Ahmed André Arjun Benjamin Björn Carlos Daniel Dmitri Emeka Ethan Giorgos Hiroshi Ibrahim
    Jamal José Kofi Leon Łukasz Malik Mateo Minh Noah Oliver Pedro Rafael Samuel Thomas Tomáš
    Wei Yusuf
    """
)
LAST = _words(
    """
    Abubakar Andersson Banerjee Bennett Brown Castillo Chen Cohen Dąbrowski Delgado Dubois Eze
    Fischer Fraser García Goldberg Haddad Hughes Ivanova Jackson Johansson Kaur Kim Kowalski
    Lindqvist López Mbeki McAllister Mensah Müller Nakamura Nguyen Novák O'Neil Okafor Osei
    Papadopoulos Patel Petrov Quinn Ramírez Rossi Sáenz Santos Sato Schneider Silva Singh
    Smith-Jones Tanaka Thompson Tran Vasquez Walker Wilson Yamamoto Yildiz Young Zhang
    """
)
STREETS = _words("Alder Birch Cedar Chestnut Elm Harbor Hickory Lake Maple Mill Oak Pine")

# Letters that Unicode does not take apart into a base letter and an accent.
_PLAIN = str.maketrans({"Ł": "L", "ł": "l", "Ø": "O", "ø": "o", "ß": "ss"})


@dataclass(frozen=True)
class Person:
    first_name: str
    last_name: str
    gender: str
    birth_date: date
    email: str
    cell: str
    home_phone: str
    street: str


def invent(count: int, *, rng: Random, today: date, area_codes: Sequence[str]) -> list[Person]:
    """Return people of all ages. Most have a cell phone and a mail address; no two share one."""
    lines = [f"{area}-555-{line:04d}" for area, line in product(area_codes, range(100, 200))]
    phones = rng.sample(lines, count)
    return [_person(number, phones[number], rng, today, lines) for number in range(count)]


def _person(number: int, cell: str, rng: Random, today: date, lines: list[str]) -> Person:
    gender = rng.choice(("female", "male"))
    first, last = rng.choice(FEMALE if gender == "female" else MALE), rng.choice(LAST)
    address = (
        f"{plain(first)}.{plain(last)}{number + 1}@{rng.choice(('example.com', 'example.org'))}"
    )
    return Person(
        first_name=first,
        last_name=last,
        gender=gender,
        birth_date=today - timedelta(days=rng.randint(3 * 365, 90 * 365)),
        email=address if rng.random() < 0.85 else "",
        cell=cell if rng.random() < 0.95 else "",
        home_phone=rng.choice(lines) if rng.random() < 0.3 else "",
        street=f"{rng.randint(1, 399)} {rng.choice(STREETS)} Street",
    )


def plain(name: str) -> str:
    """Write a name in lower-case ASCII letters only."""
    taken_apart = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    return "".join(
        letter for letter in taken_apart if letter.isascii() and letter.isalpha()
    ).lower()
